"""Abandoned epochs: what a killed run stored of epochs that it never completed.

Bytewax resumes a key with the newest snapshot from before the epoch it resumes at, and leaves those
of later epochs where they are. If nothing comes for that key when such an epoch is lived again, the
next run but one finds the abandoned snapshot, takes it for the state of that epoch, and gives it
the events that are already in it once more.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.domain.errors import InterruptionError, SnapshotError

STORE = "recovery"
RUNS = "SELECT ex_num, worker_count, resume_epoch FROM exs"
FRONTIERS = "SELECT ex_num, worker_index, max(worker_frontier) FROM fronts GROUP BY 1, 2"
ABANDONED = "SELECT count(*) FROM snaps WHERE snap_epoch >= ?"


def forget_abandoned(directory: Path) -> int:
    """Delete the snapshots of epochs that were not completed; return how many there were.

    To be called by who holds the lock, while no process runs on the state.

    Raises:
        SnapshotError: the recovery store cannot be read.
        InterruptionError: it cannot be written now.
    """
    resumed = resumed_epoch(directory)
    return sum(_delete(path, resumed) for path in parts(directory) if _count(path, resumed))


def parts(directory: Path) -> list[Path]:
    """Return the files of the recovery store in a state directory."""
    return sorted((directory / STORE).glob("part-*.sqlite3"))


def resumed_epoch(directory: Path) -> int:
    """Return where Bytewax will resume: the earliest epoch that a worker has not completed.

    0 where nothing ever ran.

    Raises:
        SnapshotError: the recovery store cannot be read.
    """
    runs: dict[int, tuple[int, int]] = {}
    frontiers: dict[tuple[int, int], int] = {}
    for path in parts(directory):
        for run, workers, epoch in _query(path, RUNS):
            runs[run] = workers, epoch
        for run, worker, epoch in _query(path, FRONTIERS):
            frontiers[run, worker] = max(epoch, frontiers.get((run, worker), 0))
    if not runs:
        return 0
    workers, began = runs[max(runs)]
    # One that has not completed any is where the run began.
    return min(max(began, frontiers.get((max(runs), worker), 0)) for worker in range(workers))


def _count(path: Path, resumed: int) -> int:
    count: int = _query(path, ABANDONED, resumed)[0][0]
    return count


def _query(path: Path, query: str, *parameters: int) -> list[Any]:
    try:
        # Of a run that goes on as well: not to be disturbed.
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            return store.execute(query, parameters).fetchall()
    except sqlite3.Error as error:
        raise SnapshotError(f"{path} cannot be read: {error}") from error


def _delete(path: Path, resumed: int) -> int:
    try:
        with closing(sqlite3.connect(path)) as store, store:
            return store.execute("DELETE FROM snaps WHERE snap_epoch >= ?", [resumed]).rowcount
    except sqlite3.Error as error:
        raise InterruptionError(f"{path} cannot be written: {error}") from error

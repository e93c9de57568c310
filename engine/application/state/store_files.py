"""The files of the recovery store, as Bytewax lays them out: where they are, what they say."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.domain.errors import SnapshotError

STORE = "recovery"
"""Their folder in the state directory."""
RUNS = "SELECT ex_num, worker_count, resume_epoch FROM exs"
FRONTIERS = "SELECT ex_num, worker_index, max(worker_frontier) FROM fronts GROUP BY 1, 2"


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
        for run, workers, epoch in ask(path, RUNS):
            runs[run] = workers, epoch
        for run, worker, epoch in ask(path, FRONTIERS):
            frontiers[run, worker] = max(epoch, frontiers.get((run, worker), 0))
    if not runs:
        return 0
    workers, began = runs[max(runs)]
    # One that has not completed any is where the run began.
    return min(max(began, frontiers.get((max(runs), worker), 0)) for worker in range(workers))


def ask(path: Path, query: str) -> list[Any]:
    """Return the rows that a file answers a query with; a run that goes on is not disturbed.

    Raises:
        SnapshotError: it cannot be read.
    """
    try:
        # Not "immutable": the journal beside it holds what was written last.
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            return store.execute(query).fetchall()
    except sqlite3.Error as error:
        raise SnapshotError(f"{path} cannot be read: {error}") from error

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

from engine.application.state.store_files import parts, resumed_epoch
from engine.domain.errors import InterruptionError


def forget_abandoned(directory: Path) -> int:
    """Delete the snapshots of epochs that were not completed; return how many there were.

    To be called by who holds the lock, while no process runs on the state.

    Raises:
        SnapshotError: the recovery store cannot be read.
        InterruptionError: it cannot be written now.
    """
    resumed = resumed_epoch(directory)
    return sum(_delete(path, resumed) for path in parts(directory))


def _delete(path: Path, resumed: int) -> int:
    try:
        with closing(sqlite3.connect(path)) as store, store:
            return store.execute("DELETE FROM snaps WHERE snap_epoch >= ?", [resumed]).rowcount
    except sqlite3.Error as error:
        raise InterruptionError(f"{path} cannot be written: {error}") from error

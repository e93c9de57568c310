"""The recovery store: made by itself, private to its user, used by one pipeline at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from pathlib import Path

from bytewax.recovery import RecoveryConfig, init_db_dir

from engine.application.state.store_files import STORE
from engine.domain.errors import PynomalyError

PARTS = 1
"""Files of the store: each costs several waits for the disk a checkpoint, and holds little."""


def open_store(directory: Path) -> tuple[RecoveryConfig, bool]:
    """Return the store in a pipeline's state directory, and whether it holds a run to resume.

    A store whose making was interrupted is made anew: nothing can be in it.
    """
    store, ready = directory / STORE, directory / f"{STORE}.ready"
    resumed = ready.exists() and store.is_dir()
    if not resumed:
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir(mode=0o700, parents=True)
        directory.chmod(0o700)
        # The store's files keep the mode they are made with, and give it to their journals.
        permissive = os.umask(0o077)
        try:
            init_db_dir(store, PARTS)
        finally:
            os.umask(permissive)
        ready.touch(mode=0o600)
    return RecoveryConfig(str(store)), resumed


class StateLock:
    """Held by the supervisor: two runs on the same state would destroy it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        """Take the lock.

        Raises:
            PynomalyError: another run holds it, or anybody may write to the directory.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._directory.stat().st_mode & stat.S_IWOTH:
            raise PynomalyError(
                f'every user may write to "{self._directory}", and models in it can run code: '
                f"chmod o-w {self._directory}"
            )
        self._file = os.open(self._directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise PynomalyError(
                f'"{self._directory}" is in use by another run of this pipeline: stop that one, '
                "or give this one another name or state.directory"
            ) from None

    def __exit__(self, *_: object) -> None:
        """Let the lock go."""
        os.close(self._file)

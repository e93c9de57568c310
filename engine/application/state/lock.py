"""The lock on a state directory: one run, or one command, at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from engine.application.state.trust import require_trusted
from engine.domain.errors import FatalError

LOCK = "lock"
IMPORTING = "importing"
"""Name of the file that is there while an archive is being unpacked."""
FIRST_FORMAT = "recovery"
"""Folder of an older format, which kept state by key groups."""


class StateLock:
    """Held by the supervisor: two runs on the same state would destroy it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        """Take the lock.

        Raises:
            PynomalyError: another run holds it, or others than we may write there.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_trusted(self._directory)
        self._file = os.open(
            self._directory / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise FatalError(
                f'"{self._directory}" is in use by another run of this pipeline: stop that one, '
                "or give this one another name or state.directory"
            ) from None

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        os.close(self._file)


def require_usable(directory: Path) -> None:
    """Refuse state that a run cannot use as a whole.

    Raises:
        PynomalyError: it has an older format, or only a part of an archive.
    """
    if (directory / FIRST_FORMAT).exists():
        raise FatalError(
            f'the state in "{directory}" was written by an earlier release, which kept entities '
            "in key groups; this one keeps them by the partition they come from, and cannot read "
            "it. Start afresh with `pynomaly state reset` (entities warm up again; a Kafka "
            "source with `start: committed` goes on from its group's offsets), or go on with the "
            "release that wrote it"
        )
    if (directory / IMPORTING).exists():
        raise FatalError(
            f'an import into "{directory}" was broken off, and what is there is not whole: run '
            "`pynomaly state import` again, or start afresh with `pynomaly state reset`"
        )

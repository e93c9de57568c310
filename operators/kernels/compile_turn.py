"""One process at a time compiles a function; the others wait and load its machine code."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

TURN_SECONDS = 300.0
"""The longest wait for another process that compiles the same function: it may be stopped."""
POLL_SECONDS = 0.1


class CompileTurn:
    """A lock between the processes that would compile the same function at the same time.

    Without it, or after a wait of TURN_SECONDS, a process compiles by itself: that costs time only.
    A compilation that fails keeps the lock until its process ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def begin(self) -> None:
        """Wait until no other process compiles the function."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            until = time.monotonic() + TURN_SECONDS
            while not self._is_taken() and time.monotonic() < until:
                time.sleep(POLL_SECONDS)

    def end(self) -> None:
        """Let the next process look for the code."""
        if self._file is not None:
            # Closing alone would leave it to processes that were forked meanwhile.
            fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)
            self._file = None

    def _is_taken(self) -> bool:
        assert self._file is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

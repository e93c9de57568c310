"""Durable files: written whole or not at all, and on the disk before anybody relies on them."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

SYNC_THREADS = 8
"""Waits for the disk side by side."""


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file's content, for its user's eyes only."""
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.rename(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Wait until the names in a directory are on the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Syncs:
    """Concurrent waits for the disk while more is written.

    Together they take little longer than one.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(SYNC_THREADS, "sync")
        self._waits: list[Future[None]] = []
        self._directories: set[Path] = set()

    def start(self, descriptor: int, new_in: Path | None = None) -> None:
        """Bring what was written to a file to the disk, and close it.

        Args:
            descriptor: of the file.
            new_in: the directory that it is new in.
        """
        self._waits.append(self._pool.submit(_sync_and_close, descriptor))
        if new_in is not None:
            self._directories.add(new_in)

    def remove(self, path: Path) -> None:
        """Remove a file, if it is there; that waits for the disk too."""
        self._waits.append(self._pool.submit(path.unlink, missing_ok=True))

    def finish(self) -> None:
        """Wait until all is on the disk, or gone from it.

        Raises:
            OSError: something could not be written or removed.
        """
        waits, self._waits = self._waits, []
        directories, self._directories = self._directories, set()
        for wait in waits:
            wait.result()
        for directory in directories:
            sync_directory(directory)


def _sync_and_close(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A file that several processes append to, and that is rotated when it is full."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

CHUNK_BYTES = 2**16
REJECTS_SIZE = 2**30
"""Most bytes of a file of what was rejected, by default."""

logger = logging.getLogger("pynomaly.sinks")


class Position(NamedTuple):
    """A place in the file.

    Attributes:
        inode: of the file, which another name does not change; 0 if it is not known.
        size: bytes before it.
    """

    inode: int
    size: int


class SharedFile:
    """Appends whole lines.

    Args:
        path: the file; its folder is created if it is missing.
        max_size: most bytes of it and of the one before together; None for no bound.
    """

    def __init__(self, path: Path, max_size: int | None = None) -> None:
        self.path = path.absolute()
        self.before = self.path.with_name(f"{path.name}.1")
        self._max_size = max_size
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._open()
        with self._locked():
            self._cut_torn_line()

    def append(self, lines: Sequence[bytes]) -> None:
        """Append all lines or none, with none of another process between them.

        Raises:
            OSError: they cannot be written, for example because the disk is full.
        """
        left = memoryview(b"".join(lines))
        if not left:
            return
        with self._locked():
            # Another process may have been killed in the middle of a line.
            self._cut_torn_line()
            before = self.end().size
            try:
                while left:
                    left = left[self._file.write(left) :]
            except OSError:
                # The next line of any process would go on where a part of ours ends.
                self._file.truncate(before)
                raise

    def sync(self) -> Position:
        """Bring all to the disk; return where the file ends. A full one is replaced.

        Raises:
            OSError: it cannot be written.
        """
        os.fsync(self._file.fileno())
        with self._locked():
            end = self.end()
            if self._max_size is not None and end.size >= self._max_size // 2:
                self._rotate(end.size)
                end = self.end()
        return end

    def end(self) -> Position:
        """Return where the file ends."""
        return Position(os.fstat(self._file.fileno()).st_ino, self._file.seek(0, os.SEEK_END))

    def lines_since(self, positions: Sequence[Position]) -> tuple[Position, list[bytes]]:
        """Return the earliest of some positions, and the lines behind it.

        A file that is shorter than a position was emptied, and may be all ours.
        """
        end = self.end()
        before = _inode(self.before)
        in_before = [position for position in positions if position.inode == before]
        if before and in_before:
            since = min(in_before)
            return since, [*_lines(self.before, since.size), *_lines(self.path, 0)]
        # A file of another inode was copied, or has given way more than once since.
        known = [
            position.size if position.inode == end.inode or not before else 0
            for position in positions
        ]
        size = min(known, default=end.size)
        since = Position(end.inode, size if size <= end.size else 0)
        return since, _lines(self.path, since.size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        while _inode(self.path) != os.fstat(self._file.fileno()).st_ino:
            # Another process has renamed it.
            self._file.close()
            self._file = self._open()
            fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _rotate(self, size: int) -> None:
        lost = self.before.stat().st_size if self.before.exists() else 0
        sizes = self.path, size, self.before, lost
        logger.warning("%s has %d bytes and goes on as %s, in place of %d older bytes", *sizes)
        self.path.replace(self.before)
        fresh = self._open()
        fcntl.flock(fresh, fcntl.LOCK_EX)
        self._file.close()
        self._file = fresh

    def _open(self) -> FileIO:
        # A buffer would keep what a full disk did not take, and fail once more on closing.
        return self.path.open("a+b", buffering=0)

    def _cut_torn_line(self) -> None:
        """Remove the part of a line that a killed process left at the end."""
        size = self.end().size
        if not size or os.pread(self._file.fileno(), 1, size - 1) == b"\n":
            return
        with self.path.open("rb") as file:
            whole = _end_of_lines(file, size)
        if whole < size:
            self._file.truncate(whole)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _lines(path: Path, position: int) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(position)
        return file.readlines()


def _end_of_lines(file: BinaryIO, size: int) -> int:
    """Return where the last whole line of a file ends."""
    end = size
    while end > 0:
        start = max(0, end - CHUNK_BYTES)
        file.seek(start)
        place = file.read(end - start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0

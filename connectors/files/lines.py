"""Lines of a stream of bytes, none of them larger than a message may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

CHUNK_BYTES = 2**20


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Return some bytes; none at the end."""
        ...


class LineSplitter:
    """Splits chunks into lines, without ever holding more than one line that fits.

    A line above the limit is cut to one byte more, which marks it as too large. Lines end with a
    line feed, or with a carriage return if no line feed follows it.
    """

    def __init__(self, max_bytes: int) -> None:
        self._most = max_bytes + 1
        self._rest = b""
        self._skipping = False
        self._end = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that a chunk ends, without their ends."""
        data = self._rest + chunk
        self._end = self._end or _line_end(data)
        lines = data.split(self._end or b"\n")
        self._rest = lines.pop()
        if self._skipping and lines:
            # The end of a line that was already reported.
            del lines[0]
            self._skipping = False
        elif self._skipping:
            self._rest = b""
        if len(self._rest) > self._most:
            lines.append(self._rest)
            self._rest, self._skipping = b"", True
        return [line if len(line) <= self._most else line[: self._most] for line in lines]

    def end(self) -> list[bytes]:
        """Return the last line, which has no end."""
        rest, self._rest = self._rest, b""
        skipping, self._skipping = self._skipping, False
        return [rest] if rest and not skipping else []


def _line_end(data: bytes) -> bytes:
    """Return what lines end with; nothing while it is not known."""
    if b"\n" in data:
        return b"\n"
    # A line feed may follow a carriage return at the end of a chunk.
    return b"\r" if b"\r" in data[:-1] else b""


def bounded_lines(file: Readable, max_bytes: int) -> Iterator[bytes]:
    """Yield the lines of a stream without their ends."""
    splitter = LineSplitter(max_bytes)
    while chunk := file.read(CHUNK_BYTES):
        yield from splitter.feed(chunk)
    yield from splitter.end()

"""Files that are followed: text to which lines are added, and files that come whole."""

from __future__ import annotations

import logging
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from connectors.files.batches import next_messages
from connectors.files.identity import HEAD_BYTES, QUIET_SECONDS, Identity, place
from connectors.files.lines import CHUNK_BYTES, LineSplitter
from connectors.files.messages import ROWS, FileMessages, Reading
from connectors.files.streams import is_packed, is_refused, open_plain
from connectors.files.unreadable import Message
from connectors.formats.csv_dialect import find_dialect
from connectors.formats.csv_rows import CsvRows
from engine.domain.reject import RejectReason

logger = logging.getLogger("pynomaly.files")


class Whole:
    """A file that is read as it is, once it has come whole.

    Attributes:
        is_changing: whether it was not whole yet, and has changed since it was opened.
    """

    def __init__(self, path: str, reading: Reading, skip: int) -> None:
        self.is_changing = False
        self._path = path
        self._seen = _version(path)
        self._file = FileMessages(path, reading, skip)

    @property
    def damage(self) -> str:
        """Why the file cannot be read further; an empty text if it can."""
        return self._file.damage

    @property
    def hint(self) -> str:
        """What to do if a column is missing."""
        return self._file.hint

    def next_messages(self, at_most: int, _more: bool) -> list[Message]:
        """Return the next messages."""
        found = next_messages(self._file, at_most)
        if self.damage and _version(self._path) != self._seen:
            self.is_changing = True
            del found[-1]
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Lost:
    """The rest of a file that was replaced or cut before it was read."""

    is_changing = False
    hint = ""

    def __init__(self, path: str, line: int) -> None:
        self.damage = (
            f"{path} was deleted, replaced or cut before all of it was read, and its folder has no "
            f"copy: what it held behind line {line} is missing"
        )
        self._line = line

    def next_messages(self, _at_most: int, _more: bool) -> list[Message]:
        """Return the one message that says so."""
        logger.warning("%s", self.damage)
        return [(self._line, b"", (RejectReason.UNREADABLE, self.damage))]

    def close(self) -> None:
        """Do nothing."""


class Tail:
    """A text file to which lines are added.

    Attributes:
        is_read: whether all that it held was read when its end was last seen.
        has_ended: whether nothing of it is left but a line without an end.
    """

    damage = ""
    is_changing = False

    def __init__(self, path: str, reading: Reading, skip: int) -> None:
        self.hint = ""
        self.is_read = False
        self.has_ended = False
        self._path = path
        self._reading = reading
        self._skip = skip
        self._is_csv = reading.kind(path) == "csv"
        self._rows: CsvRows | None = None
        self._lines = LineSplitter(reading.max_bytes)
        self._file: IO[bytes] = open_plain(path)
        self._number = 0
        self._skip_lines = reading.csv.skip if self._is_csv else 0

    def next_messages(self, at_most: int, more: bool) -> list[Message]:
        """Return the next messages; the last line has to end, unless no more comes."""
        found: list[Message] = []
        while not found:
            chunk = b"" if self.has_ended else self._file.read(CHUNK_BYTES)
            if chunk:
                self.is_read = False
            elif self._file.tell() == os.fstat(self._file.fileno()).st_size:
                self.is_read = True
            lines = self._lines.feed(chunk) if chunk else []
            if not chunk and not more:
                lines = self._lines.end()
            found = [message for line in lines for message in self._message(line)]
            if not chunk and not (lines and not more):
                break
        return found

    @property
    def identity(self) -> Identity:
        """Which file it is."""
        found, begin = os.fstat(self._file.fileno()), self.begin(HEAD_BYTES)
        return Identity(found.st_dev, found.st_ino, len(begin), zlib.crc32(begin))

    @property
    def place(self) -> tuple[int, int]:
        """Device and number of the file."""
        found = os.fstat(self._file.fileno())
        return found.st_dev, found.st_ino

    def may_grow(self) -> bool:
        """Return whether it was rotated a moment ago: its writer may have it open still."""
        if self.has_ended or place(self._path) == self.place:
            return False
        found = os.fstat(self._file.fileno())
        return time.time() - max(found.st_mtime, found.st_ctime) < QUIET_SECONDS

    def is_cut(self, identity: Identity | None) -> bool:
        """Return whether it begins again, or has fewer lines than were read of it before."""
        if self.has_ended:
            return False
        if identity and identity.length and not identity.begins(self.begin(identity.length)):
            return True
        is_short = self.is_read and self._number < self._skip
        return is_short or os.fstat(self._file.fileno()).st_size < self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def begin(self, length: int) -> bytes:
        """Return the first bytes of what it holds now."""
        return os.pread(self._file.fileno(), length, 0)

    def _message(self, line: bytes) -> Iterator[Message]:
        line = line.removeprefix(b"\xef\xbb\xbf").strip(b"\r")
        if self._skip_lines:
            self._skip_lines -= 1
            return
        if not self._is_csv:
            number, self._number = self._number, self._number + 1
            if number >= self._skip and line.strip():
                yield number, line.strip(), None
            return
        if not line.strip():
            return
        if self._rows is None:
            self._read_header(line)
            if self._reading.csv.names is None:
                return
        assert self._rows is not None
        for payload, finding in self._rows.only_rows(iter([line])):
            number, self._number = self._number, self._number + 1
            if number >= max(self._skip, self._reading.csv.skip_after or 0):
                yield number, payload, finding

    def _read_header(self, header: bytes) -> None:
        reading = self._reading
        text = header.decode("utf-8", "replace")
        dialect = find_dialect([text], reading.csv, reading.fields, reading.texts)
        self.hint = dialect.hint
        self._rows = CsvRows(dialect, reading.texts, reading.max_bytes)


def opened(path: str, reading: Reading, skip: int) -> Tail | Whole | None:
    """Open a file; None while it is being written, where it can only be read whole."""
    kind = reading.kind(path)
    if "://" in path:
        return Whole(path, reading, skip)
    try:
        if not is_packed(path) and kind not in ROWS and reading.encoding in (None, "utf-8"):
            return Tail(path, reading, skip)
        if time.time() - Path(path).stat().st_mtime < QUIET_SECONDS:
            return None
    except OSError as error:
        if not is_refused(error):
            raise
    # Its one message says what is wrong with a file that cannot be opened.
    return Whole(path, reading, skip)


def _version(path: str) -> tuple[int, int, int] | None:
    """Return what changes with the content of a file; None where it is not known."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns

"""Follows files: lines appended to the last file, and files that appear after it."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from bytewax.inputs import StatefulSourcePartition

from connectors.files.batches import BATCH_LINES, next_messages, raw_batch
from connectors.files.find import find_files
from connectors.files.lines import CHUNK_BYTES, LineSplitter
from connectors.files.messages import ROWS, FileMessages, Reading
from connectors.files.outage import Outage
from connectors.files.remote import UnreachableError
from connectors.files.streams import is_packed, is_refused, open_plain
from connectors.files.unreadable import Message
from connectors.formats.csv_dialect import find_dialect
from connectors.formats.csv_rows import CsvRows
from engine.domain.batch import RawBatch
from pynomaly.plugins import RunContext

logger = logging.getLogger("pynomaly.files")

IDLE = timedelta(milliseconds=100)
SEARCH_SECONDS = 0.5
"""Seconds between two looks for new files."""
REMOTE_SEARCH_SECONDS = 10.0
"""As that, of a store that is paid by the request."""
WHOLE_AFTER_SECONDS = 2.0
"""Seconds that a compressed file must have lain unchanged: until then it is being written."""
FILE_STRIDE_LINES = 2**40
"""More than the lines of any file: a position is a file's number times this, and a line's."""
ORDER = "followed_files.json"
"""In the state directory: the files in the order in which they came."""


class FollowReader(StatefulSourcePartition[RawBatch, int]):
    """Reads all files of a pattern as one partition, one after the other, without an end."""

    def __init__(self, pattern: str, reading: Reading, context: RunContext, position: int) -> None:
        self._pattern = pattern
        self._reading = reading
        self._context = context
        self._number, self._line = divmod(position, FILE_STRIDE_LINES)
        self._order = _Order(context.state)
        self._file: Tail | Whole | None = None
        self._searched = -math.inf
        self._every = REMOTE_SEARCH_SECONDS if "://" in pattern else SEARCH_SECONDS
        self._outage = Outage()
        self._is_waited_for = False
        self._idle = False

    def next_batch(self) -> list[RawBatch]:
        """Return at most one batch: what has come."""
        if self._context.draining.is_set():
            self.close()
            raise StopIteration
        try:
            self._find_new_files()
            found, hint = self._next_messages()
        except UnreachableError as error:
            if not self._order.names:
                # Nothing was ever found there: the address is wrong.
                raise
            self._outage.met(error)
            self.close()
            return []
        self._outage.over()
        self._idle = not found
        if not found:
            return []
        self._line = found[-1][0] + 1
        first = self._number * FILE_STRIDE_LINES
        placed = [(first + line, payload, finding) for line, payload, finding in found]
        batch = raw_batch(self._pattern, 0, placed, time.time_ns(), hint)
        if self._file is not None and self._file.damage:
            self._next_file()
        return [batch]

    def next_awake(self) -> datetime | None:
        """Ask again at once while there is something to read."""
        return self._outage.next_try() or (datetime.now(UTC) + IDLE if self._idle else None)

    def snapshot(self) -> int:
        """Return the file's number and the next line in it, as one number."""
        return self._number * FILE_STRIDE_LINES + self._line

    def close(self) -> None:
        """Close the file that is being read."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _find_new_files(self) -> None:
        now = time.monotonic()
        if now - self._searched < self._every:
            return
        self._order.add(find_files(self._pattern))
        self._searched = now
        if not self._order.names and not self._is_waited_for:
            self._is_waited_for = True
            logger.warning('no file matches "%s" yet: waiting for one', self._pattern)

    def _next_messages(self) -> tuple[list[Message], str]:
        """Return the next messages, of the next file where this one has no more."""
        names = self._order.names
        while self._number < len(names):
            if self._file is None:
                self._file = _opened(names[self._number], self._reading, self._line)
            if self._file is None:
                return [], ""
            is_last = self._number + 1 == len(names)
            found = self._file.next_messages(BATCH_LINES, is_last)
            if self._file.is_changing:
                hint = self._file.hint
                self.close()
                return found, hint
            if found or is_last:
                return found, self._file.hint
            self._next_file()
        return [], ""

    def _next_file(self) -> None:
        self.close()
        self._number, self._line = self._number + 1, 0


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


class Tail:
    """A text file to which lines are added."""

    damage = ""
    is_changing = False

    def __init__(self, path: str, reading: Reading, skip: int) -> None:
        self.hint = ""
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
            chunk = self._file.read(CHUNK_BYTES)
            lines = self._lines.feed(chunk) if chunk else []
            if not chunk and not more:
                lines = self._lines.end()
            found = [message for line in lines for message in self._message(line)]
            if not chunk and not (lines and not more):
                break
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()

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


class _Order:
    """The files in the order in which they came, kept in the state directory."""

    def __init__(self, state: Path | None) -> None:
        self._path = None if state is None else state / ORDER
        self.names: list[str] = []
        if self._path is not None and self._path.exists():
            self.names = json.loads(self._path.read_text())
        self._known = set(self.names)

    def add(self, found: list[str]) -> None:
        """Put new files behind those that are known, in the order of their names."""
        new = [name for name in found if name not in self._known]
        if not new:
            return
        self.names += new
        self._known.update(new)
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside = self._path.with_suffix(".new")
            with beside.open("w") as file:
                json.dump(self.names, file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)


def _opened(path: str, reading: Reading, skip: int) -> Tail | Whole | None:
    """Open a file; None while it is being written, where it can only be read whole."""
    kind = reading.kind(path)
    if "://" in path:
        return Whole(path, reading, skip)
    try:
        if not is_packed(path) and kind not in ROWS and reading.encoding in (None, "utf-8"):
            return Tail(path, reading, skip)
        if time.time() - Path(path).stat().st_mtime < WHOLE_AFTER_SECONDS:
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

"""The file sink: one line a record, no line lost or doubled by a crash."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.delivery.json_line import json_line
from engine.application.ports import RunContext, Settings
from engine.domain.errors import ConnectorError
from engine.domain.record import Record

State = dict[str, Any]
"""Of a file sink: the file's path, and its size."""
Mark = tuple[str, bool, bool]
FORGET_AFTER = 100
"""Checkpoints without a match after which lines that were read back are no longer waited for."""
CHUNK = 2**16


class FileSinkSettings(Settings):
    """A file to append to."""

    path: str
    """The file; its folder is made when it is missing."""


class FileSink:
    """The plug-in behind `sinks: {...: {file: ...}}`."""

    Settings = FileSinkSettings
    exactly_once = True

    def __init__(self, settings: FileSinkSettings, context: RunContext, role: str) -> None:
        self.path = Path(settings.path)
        self.context = context
        self.role = role

    def sink(self) -> FileParts:
        """Return the Bytewax sink."""
        return FileParts(self)

    def check(self) -> None:
        """Raise ConnectorError when the file cannot be written."""
        folder = next(parent for parent in self.path.absolute().parents if parent.exists())
        target = self.path if self.path.exists() else folder
        if not os.access(target, os.W_OK):
            raise ConnectorError(f'"{target}" cannot be written: correct the sink\'s path')


class FileParts(FixedPartitionedSink[list[Record], State]):
    """Bytewax's side of the file: one part, for a file has one end."""

    def __init__(self, file: FileSink) -> None:
        self._file = file

    def list_parts(self) -> list[str]:
        """Return the one part there is."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> FileWriter:
        """Open the file; its state says how long it was at the tasks' checkpoints."""
        return FileWriter(self._file, resume_state)


class FileWriter(StatefulSinkPartition[list[Record], State]):
    """Appends to the file, which other processes of the pipeline may append to as well.

    What was written after the checkpoints of this process's tasks is read back, and not written a
    second time when its events come again.
    """

    def __init__(self, sink: FileSink, stored: Sequence[State]) -> None:
        self._delivered = sink.context.telemetry.delivered.labels(sink.role)
        sink.path.parent.mkdir(parents=True, exist_ok=True)
        self._path = str(sink.path.absolute())
        self._file = sink.path.open("ab")
        self._unmatched = 0
        sizes = [state["size"] for state in stored if state["path"] == self._path]
        with self._locked():
            self._cut_torn_line(sink.path)
            end = self._file.tell()
            since = min(sizes, default=end)
            # A shorter file is another one, or was emptied: what it holds may all be ours.
            self._since = since if since <= end else 0
        self._written = written_since(sink.path, self._since)

    def write_batch(self, values: list[list[Record]]) -> None:
        """Append a line for each record that is not there yet."""
        lines = [line for records in values for line in map(json_line, records)]
        if self._written:
            lines = [line for line in lines if self._is_new(line)]
        with self._locked():
            self._file.writelines(lines)
            self._file.flush()
        self._delivered.inc(sum(map(len, values)))

    def snapshot(self) -> State:
        """Return where the file stands, once all of it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unmatched += 1
        if self._unmatched > FORGET_AFTER:
            self._written.clear()
        # What was read back and has not come again would have to be read back once more.
        size = self._since if self._written else self._file.seek(0, os.SEEK_END)
        return {"path": self._path, "size": size}

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _is_new(self, line: bytes) -> bool:
        found = mark_of(line)
        if found not in self._written:
            return True
        self._written.discard(found)
        self._unmatched = 0
        return False

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _cut_torn_line(self, path: Path) -> None:
        """Remove the part of a line that a killed process left at the end."""
        self._file.seek(0, os.SEEK_END)
        with path.open("rb") as file:
            whole = _end_of_lines(file, self._file.tell())
        if whole < self._file.tell():
            self._file.truncate(whole)
            self._file.seek(0, os.SEEK_END)


def written_since(path: Path, position: int) -> set[Mark]:
    """Return the marks of all lines of ours behind a position."""
    with path.open("rb") as file:
        file.seek(position)
        return {mark for line in file if (mark := mark_of(line)) is not None}


def mark_of(line: bytes) -> Mark | None:
    """Return what tells a line from all others: its id, and what kind it is; None if not ours."""
    try:
        document = orjson.loads(line)
        return document["id"], "severity" in document, "reason" in document
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _end_of_lines(file: BinaryIO, size: int) -> int:
    """Return where the last whole line of a file ends."""
    end = size
    while end > 0:
        start = max(0, end - CHUNK)
        file.seek(start)
        place = file.read(end - start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0

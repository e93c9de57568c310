"""The file sink: one line a record, no line lost or doubled by a crash."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.delivery.json_line import json_line
from connectors.delivery.shared_file import REJECTS_SIZE, Position, SharedFile
from engine.domain.errors import ConnectorError, RetryableError, cure_of
from engine.domain.names import DEAD_LETTERS, role_of
from engine.domain.record import Record
from pynomaly.plugins import RunContext, Settings, Size

State = dict[str, Any]
"""Of a file sink: the file's path, its size and its inode."""
Mark = tuple[str, bool, bool]
NEVER = (
    PermissionError,
    FileNotFoundError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
)
"""Errors of opening a file that a retry does not cure."""
FORGET_CHECKPOINTS = 100
"""Checkpoints without a match after which lines that were read back are forgotten."""


class FileSinkSettings(Settings):
    """A file to append to."""

    path: str
    """The file; its folder is created if it is missing."""
    max_size: Size | None = None
    """Most bytes on the disk: at half of it, the file is renamed to `<path>.1`, which replaces the
    one before. Unless given 1 GiB for dead letters, and no limit for others."""


class FileSink:
    """The plug-in behind `sinks: {...: {file: ...}}`."""

    Settings = FileSinkSettings
    exactly_once = True

    def __init__(self, settings: FileSinkSettings, context: RunContext, role: str) -> None:
        self.settings = settings
        self.path = Path(settings.path)
        self.context = context
        self.role = role

    @property
    def max_size(self) -> int | None:
        """Most bytes on the disk: whoever sends garbage must not fill it with dead letters."""
        if "max_size" not in self.settings.model_fields_set and role_of(self.role) == DEAD_LETTERS:
            return REJECTS_SIZE
        return self.settings.max_size

    def sink(self) -> FileParts:
        """Return the Bytewax sink."""
        return FileParts(self)

    def followed_by(self) -> tuple[str, dict[str, Any]]:
        """Return the name and the settings of the source that reads what it writes.

        Raises:
            ConnectorError: the file is replaced once it is large.
        """
        if self.max_size is not None:
            raise ConnectorError(f'"{self.path}": only files without `max_size` can be followed')
        return "file", {"path": str(self.path.absolute()), "format": "ndjson", "follow": True}

    def check(self) -> None:
        """Raise ConnectorError when the file cannot be written."""
        folder = next(parent for parent in self.path.absolute().parents if parent.exists())
        target = self.path if self.path.exists() else folder
        if not os.access(target, os.W_OK):
            raise ConnectorError(f'"{target}" cannot be written: correct the sink\'s path')


class FileParts(FixedPartitionedSink[list[Record], State]):
    """The Bytewax sink: one part, since all records go to the end of one file."""

    def __init__(self, file: FileSink) -> None:
        self._file = file

    def list_parts(self) -> list[str]:
        """Return the one part there is."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> FileWriter:
        """Open the file; its state says how long it was at the tasks' checkpoints."""
        try:
            return FileWriter(self._file, resume_state)
        except NEVER as error:
            raise ConnectorError(
                f'"{error.filename}" cannot be written: {error.strerror}. Correct the sink\'s path'
            ) from error


class FileWriter(StatefulSinkPartition[list[Record], State]):
    """Appends to the file, which other processes of the pipeline may append to as well.

    What was written after the checkpoints of this process's tasks is read back, and not written a
    second time when its events come again.
    """

    def __init__(self, sink: FileSink, stored: Sequence[State]) -> None:
        self._role = sink.role
        self._delivered = sink.context.telemetry.delivered.labels(sink.role)
        self._file = SharedFile(sink.path, sink.max_size)
        self._unmatched = 0
        path = str(self._file.path)
        ours = [
            Position(state.get("inode", 0), state["size"])
            for state in stored
            if state["path"] == path
        ]
        self._since, lines = self._file.lines_since(ours)
        self._written = {mark for line in lines if (mark := mark_of(line)) is not None}

    def write_batch(self, values: list[list[Record]]) -> None:
        """Append a line for each record that is not there yet."""
        lines = [line for records in values for line in map(json_line, records)]
        if self._written:
            lines = [line for line in lines if self._is_new(line)]
        with self._told():
            self._file.append(lines)
        self._delivered.inc(sum(map(len, values)))

    def snapshot(self) -> State:
        """Return where the file ends, once all of it is on the disk."""
        with self._told():
            end = self._file.sync()
        self._unmatched += 1
        if self._unmatched > FORGET_CHECKPOINTS:
            self._written.clear()
        # Lines that were read back and have not come again are needed after the next restart too.
        position = self._since if self._written else end
        return {"path": str(self._file.path), "size": position.size, "inode": position.inode}

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RetryableError(
                f'sink {self._role}: "{self._file.path}" cannot be written: {error.strerror}; '
                f"{cure_of(error)}"
            ) from error

    def _is_new(self, line: bytes) -> bool:
        found = mark_of(line)
        if found not in self._written:
            return True
        self._written.discard(found)
        self._unmatched = 0
        return False


def mark_of(line: bytes) -> Mark | None:
    """Return what identifies a line: its id and its kind; None if it is not ours.

    All messages of an incident have its id, and each one has an id of its own.
    """
    try:
        document = orjson.loads(line)
        own = document.get("event_id", document["id"])
        return own, "severity" in document, "reason" in document
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None

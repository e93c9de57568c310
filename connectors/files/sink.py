"""The file sink: one line a record, no line lost or doubled by a crash."""

from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.delivery.json_line import json_line
from engine.application.ports import RunContext, Settings
from engine.application.state.fence import fence
from engine.domain.errors import ConnectorError
from engine.domain.record import Record

State = tuple[str, int, int]
"""Of a file sink: the file's path, its size, and how many checkpoints there were."""


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

    def build_part(self, step_id: str, for_part: str, resume_state: State | None) -> FileWriter:
        """Open the file, cut back to what was stored."""
        return FileWriter(self._file, resume_state)


class FileWriter(StatefulSinkPartition[list[Record], State]):
    """Appends to the file."""

    def __init__(self, sink: FileSink, stored: State | int | None) -> None:
        self._delivered = sink.context.telemetry.delivered.labels(sink.role)
        sink.path.parent.mkdir(parents=True, exist_ok=True)
        self._path = str(sink.path.absolute())
        if isinstance(stored, int):
            # The first releases stored the size alone.
            stored = self._path, stored, 0
        self._count = stored[2] if stored else 0
        self._file = sink.path.open("ab")
        if stored is not None and stored[0] == self._path:
            size = stored[1]
        else:
            # What a run added that was killed before its first checkpoint is not in any state.
            name = f"{sink.role}-{crc32(self._path.encode()):08x}"
            after = None if stored is None else list(stored)
            size = fence(sink.context.state, name, after, self._file.tell)
        if size < self._file.tell():
            # What came after the snapshot is written again when its events are.
            self._file.truncate(size)

    def write_batch(self, values: list[list[Record]]) -> None:
        """Append a line for each record."""
        for records in values:
            self._file.writelines(map(json_line, records))
            self._delivered.inc(len(records))
        self._file.flush()

    def snapshot(self) -> State:
        """Return the size, once all of it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._count += 1
        return self._path, self._file.seek(0, os.SEEK_END), self._count

    def close(self) -> None:
        """Close the file."""
        self._file.close()

"""The file source: each file a partition, each line a message."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.files.lines import Format, format_of, read_messages
from engine.domain.batch import RawBatch
from engine.domain.errors import ConnectorError
from pynomaly.plugins import RunContext, Settings

BATCH = 5_000


class FileSourceSettings(Settings):
    """Files to read, from beginning to end."""

    path: str
    """A file, or a pattern such as data/*.ndjson.gz."""
    format: Format | None = None
    """ndjson or csv; default: by suffix."""


class FileSource:
    """The plug-in behind `source: {file: ...}`."""

    Settings = FileSourceSettings
    rereadable = "at_other_times"

    def __init__(self, settings: FileSourceSettings, context: RunContext) -> None:
        self.settings = settings
        self.context = context

    @property
    def topic(self) -> str:
        """The path or pattern."""
        return self.settings.path

    def files(self) -> list[Path]:
        """Return the files, in the order of their names.

        Raises:
            ConnectorError: there are none.
        """
        pattern = Path(self.settings.path)
        if pattern.exists():
            return [pattern]
        found = sorted(pattern.parent.glob(pattern.name))
        if not found:
            raise ConnectorError(f'no file matches "{pattern}": correct source.file.path')
        return found

    def source(self) -> Files:
        """Return the Bytewax source."""
        return Files(self)

    def read(self, number: int, skip: int) -> FileReader:
        """Return what reads a file from a line on."""
        path = self.files()[number]
        kind = self.settings.format or format_of(path)
        return FileReader(self, path, number, kind, skip)

    def check(self, samples: int) -> list[RawBatch]:
        """Return the first lines of each file.

        Raises:
            ConnectorError: there is no file, or it cannot be read.
        """
        try:
            return [
                raw_batch(self.topic, number, found, time.time_ns())
                for number in range(len(self.files()))
                if (found := self.read(number, 0).lines(samples))
            ]
        except OSError as error:
            raise ConnectorError(f"{self.settings.path}: {error}") from error

    def stored(self, positions: Mapping[str, int]) -> None:
        """Do nothing: positions are in the state store only."""

    def finish(self) -> None:
        """Do nothing."""


class Files(FixedPartitionedSource[RawBatch, int]):
    """Bytewax's side of the files."""

    def __init__(self, source: FileSource) -> None:
        self._source = source

    def list_parts(self) -> list[str]:
        """Return the files' numbers."""
        return [str(number) for number in range(len(self._source.files()))]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> FileReader:
        """Start reading a file, at the line to go on from."""
        return self._source.read(int(for_part), resume_state or 0)


class FileReader(StatefulSourcePartition[RawBatch, int]):
    """Reads one file; its state is the next line."""

    def __init__(
        self, source: FileSource, path: Path, number: int, kind: Format, skip: int
    ) -> None:
        self._source = source
        self._number = number
        self._next = skip
        self._messages = read_messages(path, kind, skip, source.context.text_fields)

    def lines(self, at_most: int) -> list[tuple[int, bytes]]:
        """Return the next numbered lines."""
        found = list(islice(self._messages, at_most))
        if found:
            self._next = found[-1][0] + 1
        return found

    def next_batch(self) -> list[RawBatch]:
        """Return the next batch; the end of the file is the end of the partition."""
        if self._source.context.draining.is_set():
            raise StopIteration
        found = self.lines(BATCH)
        if not found:
            raise StopIteration
        return [raw_batch(self._source.topic, self._number, found, time.time_ns())]

    def snapshot(self) -> int:
        """Return the next line."""
        return self._next


def raw_batch(topic: str, number: int, lines: list[tuple[int, bytes]], now: int) -> RawBatch:
    """Put numbered lines into columns; `now`, ns since 1970, is when they were read."""
    offsets = np.array([line for line, _ in lines], np.int64)
    stamps = np.full(len(lines), now, np.int64)
    return RawBatch(topic, number, offsets, stamps, [payload for _, payload in lines])

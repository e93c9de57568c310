"""The file source: each file a partition, each line or row a message."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from pydantic import Field, field_validator

from connectors.files.batches import BATCH_LINES, next_messages, raw_batch
from connectors.files.find import find_files
from connectors.files.follow import FollowReader
from connectors.files.kinds import Format
from connectors.files.messages import FileMessages, Reading
from connectors.files.outage import Outage
from connectors.files.remote import UnreachableError
from connectors.formats.csv_dialect import CsvSettings
from engine.domain.batch import RawBatch
from engine.domain.errors import ConnectorError
from pynomaly.plugins import RunContext, Settings, is_in_the_clear, public_url

LONGEST_OUTAGE_SECONDS = 300.0
"""Seconds that a store does not answer before the run ends; the next one goes on."""
MEND = "put a whole file in its place, and the next run goes on after what was read"
ADDRESS = re.compile(r"(?:^|::)((?:https?|ftp)://.*)", re.IGNORECASE | re.DOTALL)
"""Address of a server in a path, also behind others: zip://a.csv::http://host/a.zip."""


class FileSourceSettings(Settings):
    """Files to read, from beginning to end."""

    path: str
    """A file, a pattern such as data/*.ndjson.gz, or an address such as s3://bucket/*.csv."""
    format: Format | None = None
    """ndjson (lines or documents), csv, parquet or avro; default: by suffix, below that of a
    compression (gz, bz2, xz, zst, lz4, zip), or by what the file begins with."""
    encoding: str | None = None
    """Encoding of texts, such as cp1252; default: by byte order mark, else UTF-8."""
    csv: CsvSettings = Field(default_factory=CsvSettings)
    """How CSV is written; what is not given is found out from the first lines, and logged."""
    follow: bool = False
    """Whether to wait for more at the end: lines, and files that match the pattern. All files are
    one partition then, in the order in which they come."""

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        found = ADDRESS.search(self.path)
        if found is None or not is_in_the_clear(found[1]):
            return []
        return [f"{public_url(found[1])}: others can read and change the files; use https"]

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str | None) -> str | None:
        if encoding is not None:
            try:
                "".encode(encoding)
            except LookupError:
                raise ValueError("expected an encoding such as utf-8, cp1252 or latin-1") from None
        return encoding


class FileSource:
    """The plug-in behind `source: {file: ...}`."""

    Settings = FileSourceSettings
    rereadable = "at_other_times"

    def __init__(self, settings: FileSourceSettings, context: RunContext) -> None:
        self.settings = settings
        self.context = context
        self.damaged: list[str] = []

    @property
    def topic(self) -> str:
        """The path or pattern."""
        return self.settings.path

    @property
    def reading(self) -> Reading:
        """How each file is read."""
        settings, context = self.settings, self.context
        return Reading(
            settings.format,
            context.format is not None,
            settings.encoding,
            settings.csv,
            context.fields,
            context.text_fields,
            context.max_bytes,
        )

    def files(self) -> list[str]:
        """Return the files, in the order of their names.

        Raises:
            ConnectorError: there are none.
        """
        found = find_files(self.settings.path)
        if not found:
            raise ConnectorError(f'no file matches "{self.topic}": correct source.file.path')
        return found

    def source(self) -> Files:
        """Return the Bytewax source."""
        return Files(self)

    def read(self, number: int, skip: int) -> FileReader:
        """Return what reads a file from a line on."""
        return FileReader(self, self.files()[number], number, skip)

    def check(self, samples: int) -> list[RawBatch]:
        """Return the first lines of each file.

        Raises:
            ConnectorError: there is no file, or it cannot be read.
        """
        try:
            batches, damage = [], ""
            for number in range(len(self.files())):
                reader = self.read(number, 0)
                batch = reader.batch(samples)
                if batch is not None and any(batch.values):
                    batches.append(batch)
                damage = damage or reader.damage
                reader.close()
            if damage and not batches:
                raise ConnectorError(damage)
            return batches
        except OSError as error:
            raise ConnectorError(f"{self.settings.path}: {error}") from error

    def stored(self, positions: Mapping[str, int]) -> None:
        """Do nothing: positions are in the state store only."""

    def finish(self) -> None:
        """End the run as one that failed if a file could not be read to its end.

        Raises:
            ConnectorError: a file is cut off or damaged; what it held before that is stored.
        """
        if self.damaged:
            raise ConnectorError("; ".join(self.damaged))


class Files(FixedPartitionedSource[RawBatch, int]):
    """Bytewax's side of the files."""

    def __init__(self, source: FileSource) -> None:
        self._source = source

    def list_parts(self) -> list[str]:
        """Return the files' numbers; one for all if they are followed."""
        if self._source.settings.follow:
            return ["0"]
        return [str(number) for number in range(len(self._source.files()))]

    def build_part(
        self, step_id: str, for_part: str, resume_state: int | None
    ) -> StatefulSourcePartition[RawBatch, int]:
        """Start reading a file, at the line to go on from."""
        source = self._source
        if source.settings.follow:
            return FollowReader(source.topic, source.reading, source.context, resume_state or 0)
        return source.read(int(for_part), resume_state or 0)


class FileReader(StatefulSourcePartition[RawBatch, int]):
    """Reads one file; its state is the next line."""

    def __init__(self, source: FileSource, path: str, number: int, skip: int) -> None:
        self._source = source
        self._number = number
        self._next = skip
        self._path = path
        self._file = FileMessages(path, source.reading, skip)
        self._outage = Outage()

    def batch(self, at_most: int = BATCH_LINES) -> RawBatch | None:
        """Return the next messages; None at the end."""
        found = next_messages(self._file, at_most)
        if not found:
            return None
        # The place of what is missing is kept for a whole file that takes its place.
        self._next = found[-1][0] + (0 if self._file.damage else 1)
        return raw_batch(self._source.topic, self._number, found, time.time_ns(), self._file.hint)

    @property
    def damage(self) -> str:
        """Why the file cannot be read further; an empty text if it can."""
        return self._file.damage

    def next_batch(self) -> list[RawBatch]:
        """Return the next batch; the end of the file is the end of the partition."""
        if self._source.context.draining.is_set():
            raise StopIteration
        try:
            batch = self.batch()
        except UnreachableError as error:
            if self._outage.met(error) > LONGEST_OUTAGE_SECONDS:
                raise
            self._file.close()
            self._file = FileMessages(self._path, self._source.reading, self._next)
            return []
        self._outage.over()
        if batch is None:
            if self._file.damage:
                self._source.damaged.append(f"{self._file.damage}; {MEND}")
            raise StopIteration
        return [batch]

    def next_awake(self) -> datetime | None:
        """Ask again at once, unless the store of the file does not answer."""
        return self._outage.next_try()

    def snapshot(self) -> int:
        """Return the next line."""
        return self._next

    def close(self) -> None:
        """Close the file."""
        self._file.close()

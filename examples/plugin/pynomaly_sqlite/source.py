"""A table of SQLite as a source: a row is a message, its rowid the position."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from pydantic import Field

from pynomaly.plugins import (
    ConnectorError,
    FixedPartitionedSource,
    RawBatch,
    RunContext,
    Settings,
    StatefulSourcePartition,
)

BATCH_ROWS = 1_000
NAME = r"^[A-Za-z_]\w*$"


class SqliteSourceSettings(Settings):
    """A table with a column of JSON text."""

    # The text below a field is its description in `pynomaly schema` and in error messages.
    path: Path
    """The database."""
    table: str = Field(pattern=NAME)
    """Name of the table."""
    column: str = Field(default="message", pattern=NAME)
    """Name of the column with a JSON object in each row."""
    follow: bool = False
    """Whether to wait for new rows at the end of the table, instead of ending."""


class SqliteSource:
    """The plug-in behind `source: {sqlite: ...}`.

    Args:
        settings: what the pipeline file says.
        context: what this process shares with its plug-ins.
    """

    Settings = SqliteSourceSettings
    rereadable = "at_other_times"
    """The same rows come again at the same position, with the time of reading as timestamps."""

    def __init__(self, settings: SqliteSourceSettings, context: RunContext) -> None:
        self.settings = settings
        self.context = context

    @property
    def topic(self) -> str:
        """The name that anomalies give as their origin."""
        return self.settings.table

    def source(self) -> Table:
        """Return the Bytewax source."""
        return Table(self)

    def check(self, samples: int) -> list[RawBatch]:
        """Return some real messages, for `pynomaly validate --connect`."""
        reader = Reader(self, 0)
        try:
            return reader.read(samples)
        finally:
            reader.close()

    def stored(self, positions: Mapping[str, int]) -> None:
        """Do nothing: positions are in the checkpoints alone."""

    def finish(self) -> None:
        """Do nothing: there is nothing to clean up."""


class Table(FixedPartitionedSource[RawBatch, int]):
    """Bytewax's side: the table is one partition."""

    def __init__(self, plugin: SqliteSource) -> None:
        self._plugin = plugin

    def list_parts(self) -> list[str]:
        """Return the names of the partitions, which are numbers."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Reader:
        """Start reading at the position of the last checkpoint."""
        return Reader(self._plugin, resume_state or 0)


class Reader(StatefulSourcePartition[RawBatch, int]):
    """Reads the table; its state is the rowid to go on from."""

    def __init__(self, plugin: SqliteSource, position: int) -> None:
        self._plugin = plugin
        self._position = position
        self._is_idle = False
        path = plugin.settings.path
        try:
            self._rows = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise ConnectorError(f'"{path}" cannot be read: {error}') from error

    def read(self, most: int = BATCH_ROWS) -> list[RawBatch]:
        """Return the next rows as one batch; [] where there are none."""
        settings = self._plugin.settings
        # The names match NAME: nothing in them needs to be quoted.
        query = f"SELECT rowid, {settings.column} FROM {settings.table} WHERE rowid >= ?"
        try:
            rows = self._rows.execute(f"{query} ORDER BY rowid LIMIT ?", (self._position, most))
            found = rows.fetchall()
        except sqlite3.Error as error:
            raise ConnectorError(f'table "{settings.table}": {error}') from error
        if not found:
            return []
        self._position = int(found[-1][0]) + 1
        now = int(datetime.now(UTC).timestamp() * 1e9)
        return [
            RawBatch(
                topic=settings.table,
                partition=0,
                offsets=np.array([row[0] for row in found], np.int64),
                timestamps=np.full(len(found), now, np.int64),
                values=[None if row[1] is None else str(row[1]).encode() for row in found],
            )
        ]

    def next_batch(self) -> list[RawBatch]:
        """Return the next batches; StopIteration ends the partition."""
        # Asked to stop: what was read so far is processed, stored and delivered.
        if self._plugin.context.draining.is_set():
            raise StopIteration
        batches = self.read()
        if not batches and not self._plugin.settings.follow:
            raise StopIteration
        self._is_idle = not batches
        return batches

    def next_awake(self) -> datetime | None:
        """Return when to ask again: at once, or later if there was nothing."""
        return datetime.now(UTC) + timedelta(seconds=0.5) if self._is_idle else None

    def snapshot(self) -> int:
        """Return the position, for the checkpoint."""
        return self._position

    def close(self) -> None:
        """Close the database."""
        self._rows.close()

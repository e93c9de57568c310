"""A table of SQLite as a sink: a record is a row, stored once by its id."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from pydantic import Field

from pynomaly.plugins import (
    ConnectorError,
    FixedPartitionedSink,
    Record,
    RunContext,
    Settings,
    StatefulSinkPartition,
)


class SqliteSinkSettings(Settings):
    """A table, made when it is missing."""

    path: Path
    """The database; it is made when it is missing."""
    table: str = Field(default="anomalies", pattern=r"^[A-Za-z_]\w*$")
    """Name of the table."""


class SqliteSink:
    """The plug-in behind `sinks: {...: {sqlite: ...}}`.

    Args:
        settings: what the pipeline file says.
        context: what this process shares with its plug-ins.
        role: anomalies, scores or dead_letters.
    """

    Settings = SqliteSinkSettings
    exactly_once = True
    """A record that comes again after a crash has the same id, and changes nothing."""

    def __init__(self, settings: SqliteSinkSettings, context: RunContext, role: str) -> None:
        self.settings = settings
        self.delivered = context.telemetry.delivered.labels(role)

    def sink(self) -> Table:
        """Return the Bytewax sink."""
        return Table(self)

    def check(self) -> None:
        """Reach the real thing, for `pynomaly validate --connect`; make nothing."""
        folder = self.settings.path.absolute().parent
        if not folder.is_dir():
            raise ConnectorError(f'the folder "{folder}" is not there: make it, or correct path')


class Table(FixedPartitionedSink[list[Record], None]):
    """Bytewax's side: one part, for a database has one writer."""

    def __init__(self, plugin: SqliteSink) -> None:
        self._plugin = plugin

    def list_parts(self) -> list[str]:
        """Return the name of the one part."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: object) -> Writer:
        """Open the table; there is no state to go on from."""
        return Writer(self._plugin)


class Writer(StatefulSinkPartition[list[Record], None]):
    """Inserts records, and commits them at each checkpoint."""

    def __init__(self, plugin: SqliteSink) -> None:
        self._plugin = plugin
        table = plugin.settings.table
        self._insert = f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?, ?)"
        self._rows = sqlite3.connect(plugin.settings.path, timeout=30)
        columns = "id TEXT PRIMARY KEY, entity TEXT, time_ns INTEGER, record TEXT"
        self._rows.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        self._rows.commit()

    def write_batch(self, values: list[list[Record]]) -> None:
        """Insert records; each item is a list of them."""
        for records in values:
            self._rows.executemany(self._insert, map(_row, records))
            self._plugin.delivered.inc(len(records))

    def snapshot(self) -> None:
        """Bring all that was written to the disk: the checkpoint relies on it."""
        self._rows.commit()

    def close(self) -> None:
        """Close the database."""
        self._rows.commit()
        self._rows.close()


def _row(record: Record) -> tuple[str, str, int, str]:
    key, value = record.key or b"", record.value or b""
    return record.id, key.decode(errors="replace"), record.timestamp, value.decode(errors="replace")

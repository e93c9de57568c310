"""The PostgreSQL sink: rows by id, so that a repeated record changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.delivery import queued_sink
from connectors.delivery.queued_sink import QueuedSink
from connectors.postgres.row import row
from connectors.postgres.settings import PostgresSettings
from engine.domain.names import role_of
from engine.domain.record import Record
from pynomaly.plugins import RunContext

if TYPE_CHECKING:
    from connectors.postgres.table import Table


class PostgresSink(QueuedSink):
    """The plug-in behind `sinks: {...: {postgres: ...}}`."""

    Settings = PostgresSettings
    exactly_once = True
    receiver_name = "PostgreSQL"

    @property
    def batch(self) -> int:
        """Most rows a transaction."""
        return int(self.settings.batch)

    def connect(self) -> Table:
        """Return the table; it connects when it is used."""
        # Only who uses PostgreSQL needs what it takes.
        from connectors.postgres.table import Table

        return Table(self.settings, self.settings.table or f"pynomaly_{role_of(self.role)}")

    def delivery(self, receiver: Table) -> Delivery:
        """Return what inserts records into it."""
        return Delivery(self.settings, self.context, self.role, receiver)


class Delivery(queued_sink.Delivery):
    """Inserts records until the database has them.

    Args:
        settings: of the sink.
        context: of this process.
        role: of the sink.
        table: takes them.
    """

    def __init__(
        self, settings: PostgresSettings, context: RunContext, role: str, table: Table
    ) -> None:
        super().__init__(settings, context, role)
        self._table = table

    def prepare(self) -> None:
        """Wait for the database, and for the table."""
        self.call(self._table.prepare)

    def send(self, records: list[Record]) -> None:
        """Insert records in one transaction."""
        self._table.insert([row(record) for record in records])

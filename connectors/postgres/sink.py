"""The PostgreSQL sink: rows by id, so that a repeated record changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.delivery.queued_sink import Delivery, QueuedSink
from connectors.postgres.row import row
from connectors.postgres.settings import PostgresSettings
from engine.domain.names import role_of
from engine.domain.record import Record

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

        def insert(records: list[Record]) -> None:
            receiver.insert([row(record) for record in records])

        return Delivery(self.settings, self.context, self.role, insert, receiver.prepare)

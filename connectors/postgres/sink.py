"""The PostgreSQL sink: rows by id, so that what is written again changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.delivery.queue import DeliveryQueue, QueuedSink
from connectors.delivery.rejected import RejectedRecords
from connectors.delivery.retry_settings import RecordRejectedError, TransientError
from connectors.postgres.row import row
from connectors.postgres.settings import PostgresSettings
from engine.domain.errors import ConnectorError
from engine.domain.record import Record
from pynomaly.plugins import RunContext

if TYPE_CHECKING:
    from connectors.postgres.table import Table


class PostgresSink:
    """The plug-in behind `sinks: {...: {postgres: ...}}`."""

    Settings = PostgresSettings
    exactly_once = True

    def __init__(self, settings: PostgresSettings, context: RunContext, role: str) -> None:
        self._settings = settings
        self._context = context
        self._role = role

    def sink(self) -> QueuedSink:
        """Return the Bytewax sink."""
        return QueuedSink(self._open)

    def check(self) -> None:
        """Raise ConnectorError when the database or the table cannot be used; nothing is made."""
        table = self._table()
        try:
            table.check()
        except TransientError as error:
            raise ConnectorError(f"{error}. Is PostgreSQL listening there?") from error
        finally:
            table.close()

    def _open(self) -> DeliveryQueue:
        table = self._table()
        delivery = Delivery(self._settings, self._context, self._role, table)
        return DeliveryQueue(
            self._context,
            self._role,
            delivery.prepare,
            delivery.deliver,
            table.close,
            most=self._settings.batch,
            size=2 * self._settings.batch,
        )

    def _table(self) -> Table:
        # Only who uses PostgreSQL needs what it takes.
        from connectors.postgres.table import Table

        return Table(self._settings, self._settings.table or f"pynomaly_{self._role}")


class Delivery:
    """Inserts records until the database has them."""

    def __init__(
        self, settings: PostgresSettings, context: RunContext, role: str, table: Table
    ) -> None:
        from connectors.delivery.retry import Caller

        self._caller = Caller(settings, context, role)
        self._refusals = RejectedRecords(settings.refused, context, role)
        self._delivered = context.telemetry.delivered.labels(role)
        self._table = table

    def prepare(self) -> None:
        """Wait for the database, and for the table."""
        self._caller.call(self._table.prepare)

    def deliver(self, records: list[Record]) -> None:
        """Insert records; one that can never be inserted does not stop the others."""
        try:
            self._insert(records)
        except RecordRejectedError as error:
            if len(records) == 1:
                self._refusals.keep(records[0], str(error))
                return
            for record in records:
                self.deliver([record])

    def _insert(self, records: list[Record]) -> None:
        rows = [row(record) for record in records]
        self._caller.call(lambda: self._table.insert(rows))
        self._delivered.inc(len(records))

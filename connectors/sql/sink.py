"""The sink `store`: anomalies and incidents in the store of `pynomaly serve`, without a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from connectors.delivery.queued_sink import Delivery, QueuedSink
from connectors.delivery.retry_settings import RecordRejectedError, TransientError
from connectors.sql.sink_settings import STORE_FILE, StoreSettings
from engine.domain.names import ANOMALIES, INCIDENTS
from engine.domain.record import Record
from pynomaly.plugins import (
    ConnectorError,
    RetryableError,
    ingest,
    require_trusted,
)

if TYPE_CHECKING:
    from connectors.sql.store import SqlStore


class StoreSink(QueuedSink):
    """The plug-in behind `sinks: {anomalies: {store: ...}}`.

    Anomalies and incidents have ids: one that is stored again changes nothing.
    """

    Settings = StoreSettings
    exactly_once = True
    roles = (ANOMALIES, INCIDENTS)
    fills_store = True
    """For the server, which has nothing to follow then."""
    receiver_name = "the database of pynomaly serve"

    @property
    def batch(self) -> int:
        """Most records a transaction."""
        return int(self.settings.batch)

    def connect(self) -> StoreReceiver:
        """Return the store; it connects when it is used.

        Raises:
            ConnectorError: the server has no SQLite in the directory.
            PynomalyError: other users may write to the directory.
        """
        # Only who uses it needs what it takes.
        from connectors.sql.store import SqlStore

        settings: StoreSettings = self.settings
        if settings.database is None:
            if not (settings.directory / STORE_FILE).exists():
                raise ConnectorError(
                    f'"{settings.directory}" holds no store: start `pynomaly serve` once, or name '
                    "its `directory`, or a `database`"
                )
            require_trusted(settings.directory)
        secret = settings.password
        password = None if secret is None else secret.get_secret_value()
        seconds = settings.timeout.total_seconds()
        return StoreReceiver(SqlStore(settings.url, password, seconds=seconds))

    def delivery(self, receiver: StoreReceiver) -> Delivery:
        """Return what stores records in it."""
        return Delivery(self.settings, self.context, self.role, receiver.add, receiver.reach)


class StoreReceiver:
    """A store, as what takes records.

    Args:
        store: of the server.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def reach(self) -> None:
        """See that the store is there, and of this release; nothing is changed.

        Raises:
            TransientError: the database cannot be reached now.
            ConnectorError: it is empty, or of another release.
        """
        try:
            self._store.prepare(migrating=False)
        except RetryableError as error:
            raise TransientError("database", str(error)) from error

    def add(self, records: list[Record]) -> None:
        """Store records in one transaction.

        Raises:
            TransientError: the database cannot be used now.
            RecordRejectedError: it can never hold one of them; none was stored.
        """
        from sqlalchemy.exc import DataError, IntegrityError

        documents = [orjson.loads(record.value) for record in records if record.value]
        try:
            with self._store.writing() as work:
                found = ingest(work, documents)
                if found.unreadable:
                    raise RecordRejectedError(found.unreadable[0])
        except (DataError, IntegrityError) as error:
            raise RecordRejectedError(str(error.orig).strip().splitlines()[0]) from error
        except RetryableError as error:
            raise TransientError("database", str(error)) from error

    def close(self) -> None:
        """Close the connections."""
        self._store.close()

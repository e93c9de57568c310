"""The store of the control plane in a database."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from connectors.sql.anomalies import SqlAnomalies
from connectors.sql.at_once import AtOnce
from connectors.sql.audit import SqlAudit
from connectors.sql.backtests import SqlBacktests
from connectors.sql.bookkeeping import SqlPositions, SqlReplies
from connectors.sql.database import MOST_CONNECTIONS, connect, connect_at_once, reading
from connectors.sql.datasets import SqlDatasets
from connectors.sql.feed import SqlFeed
from connectors.sql.generation import generation_of
from connectors.sql.identities import SqlTokens, SqlUsers
from connectors.sql.incidents import SqlIncidents
from connectors.sql.lanes import SqlLanes
from connectors.sql.migrate import migrate, require_current
from connectors.sql.pipelines import SqlPipelines
from connectors.sql.series import SqlSeries
from connectors.sql.sessions import SqlSecrets, SqlSessions
from engine.domain.errors import ConnectorError, RetryableError
from pynomaly.plugins import NotAtOnceError, StoreGeneration, UnitOfWork

T = TypeVar("T")
logger = logging.getLogger("pynomaly.store")
RETRY_SECONDS = 5.0
"""Time for which an unavailable database is not tried again, because a try may take long."""


class SqlStore:
    """The plug-in behind `pynomaly serve --database`.

    Args:
        url: sqlite:///path, or postgresql+psycopg://user@host/database.
        password: of PostgreSQL's user.
        read_url: the URL of a replica, read while the database itself is unavailable.
        seconds: that a statement may take; without it, as long as it takes.
    """

    def __init__(
        self,
        url: str,
        password: str | None = None,
        read_url: str | None = None,
        seconds: float | None = None,
    ) -> None:
        self._engine = connect(url, password, seconds)
        self._reads = reading(self._engine)
        self._replica = None if read_url is None else reading(connect(read_url, password))
        self._retry = 0.0
        self._generation = generation_of(self._engine)
        self._replica_reads = 0
        self.is_remote = self._engine.dialect.name != "sqlite"
        self._at_once = (
            None if self.is_remote else AtOnce(connect_at_once(self._engine.url), _reading_work)
        )

    def generation(self) -> StoreGeneration | None:
        """Return the present generation; None where it is unknown."""
        if time.monotonic() < self._retry:
            return None
        # What a replica showed may be older than the generation that was read before.
        replica_reads = self._replica_reads
        found = self._generation.read()
        if found is None:
            return None
        return StoreGeneration(*(f"{one}/{replica_reads}" for one in found))

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """Return a unit of work that changes nothing; each of its questions sees one state."""
        with _retryable_errors(), self._readable() as connection, connection.begin() as transaction:
            yield _work(connection, locking=False)
            transaction.rollback()

    def reading_at_once(self) -> AbstractContextManager[UnitOfWork]:
        """Return a unit of work as `reading` does, for a thread that others wait for.

        Raises:
            NotAtOnceError: it would have to wait, or takes more than a few ms.
        """
        if self._at_once is None:
            raise NotAtOnceError
        return self._at_once.reading()

    @contextmanager
    def writing(self) -> Iterator[UnitOfWork]:
        """Return a unit of work that is stored as a whole at its end, or after an error not."""
        with _retryable_errors(), self._engine.connect() as connection:
            # It answers: who has changed something has to see it.
            self._retry = 0.0
            writing = connection.execution_options(writing=True)
            with writing.begin():
                yield _work(writing, locking=True)

    def prepare(self, *, migrating: bool = True) -> None:
        """Create what is missing, and bring an older store up to date.

        Args:
            migrating: whether it may be changed; it is only looked at otherwise.

        Raises:
            PynomalyError: it cannot be reached, is of a newer release, or is of an older one and
                may not be changed.
        """
        with _retryable_errors():
            (migrate if migrating else require_current)(self._engine)

    def backup(self, target: Path) -> None:
        """Copy all of a SQLite as it is at one moment into a new file, while it is used.

        Raises:
            ConnectorError: it is in PostgreSQL, or the file cannot be made.
        """
        if self._engine.dialect.name != "sqlite":
            raise ConnectorError("PostgreSQL is saved by its own pg_dump")
        if target.exists():
            raise ConnectorError(f"{target} exists: name a new file")
        try:
            # Private from its first byte: hashes of passwords are in it.
            target.touch(mode=0o600, exist_ok=False)
            # SQLAlchemy would begin a transaction, within which it is refused.
            with closing(self._engine.raw_connection()) as here:
                here.cursor().execute("VACUUM INTO ?", (str(target),))
        except (OSError, sqlite3.Error) as error:
            raise ConnectorError(f"{target} cannot be made: {error}") from error

    def connections(self) -> tuple[int, int]:
        """Return how many connections to the database are in use, and how many may be."""
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout(), MOST_CONNECTIONS

    def close(self) -> None:
        """Close all connections."""
        self._generation.close()
        if self._at_once is not None:
            self._at_once.close()
        self._engine.dispose()
        if self._replica is not None:
            self._replica.dispose()

    def _readable(self) -> Connection:
        """Return a connection to the database, or to its replica while it is unavailable."""
        if self._replica is None:
            return self._reads.connect()
        if time.monotonic() >= self._retry:
            try:
                return self._reads.connect()
            except (OperationalError, InterfaceError) as error:
                self._retry = time.monotonic() + RETRY_SECONDS
                logger.warning("the replica is read: %s", _cause(error))
        self._replica_reads += 1
        return self._replica.connect()


def _reading_work(connection: Connection) -> UnitOfWork:
    return _work(connection, locking=False)


def _work(connection: Connection, *, locking: bool) -> UnitOfWork:
    return UnitOfWork(
        anomalies=SqlAnomalies(connection),
        incidents=SqlIncidents(connection, locking=locking),
        users=SqlUsers(connection, locking=locking),
        tokens=SqlTokens(connection),
        audit=SqlAudit(connection),
        replies=SqlReplies(connection),
        positions=SqlPositions(connection),
        feed=SqlFeed(connection),
        pipelines=SqlPipelines(connection),
        sessions=SqlSessions(connection, locking=locking),
        secrets=SqlSecrets(connection),
        lanes=SqlLanes(connection),
        backtests=SqlBacktests(connection, locking=locking),
        series=SqlSeries(connection),
        datasets=SqlDatasets(connection, locking=locking),
    )


@contextmanager
def _retryable_errors() -> Iterator[None]:
    """Turn errors of the database into RetryableError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise RetryableError(f"the database cannot be used now: {error}") from error
    except (OperationalError, InterfaceError, InternalError) as error:
        # InternalError: a replica refuses to write, as a primary does that became one.
        raise RetryableError(f"the database cannot be used now: {_cause(error)}") from error
    except PoolTimeoutError as error:
        raise RetryableError("all connections to the database are in use") from error


def _cause(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]

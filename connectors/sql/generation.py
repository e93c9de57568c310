"""The generation of a database: what is different after each commit, by whoever it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

IDENTITIES = "SELECT number FROM generations WHERE name = 'identities'"


class Generation(Protocol):
    """Tells the generation of a database, and that of the identities in it."""

    def read(self) -> tuple[str, str] | None:
        """Return that of all data, and that of identities; None where they are unknown now."""
        ...

    def close(self) -> None:
        """Close its connection."""
        ...


def generation_of(engine: Engine) -> Generation:
    """Return what tells the generation of a database; nothing is reached yet."""
    if engine.dialect.name == "sqlite":
        return SqliteGeneration(str(engine.url.database))
    return PostgresGeneration(engine)


class SqliteGeneration:
    """SQLite counts for each connection how often others have changed the file.

    Args:
        file: of the database.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._last = -1, -1

    def read(self) -> tuple[str, str] | None:
        """Return that of all data, and that of identities; None where they are unknown now."""
        with self._lock:
            try:
                if self._connection is None:
                    # It never waits for a lock: whoever asks can do without.
                    self._connection = sqlite3.connect(
                        self._file, timeout=0, isolation_level=None, check_same_thread=False
                    )
                data = self._number("PRAGMA data_version")
                if data != self._last[0]:
                    self._last = data, self._number(IDENTITIES)
                return str(data), str(self._last[1])
            except sqlite3.Error:
                return None

    def _number(self, query: str) -> int:
        assert self._connection is not None
        with closing(self._connection.execute(query)) as cursor:
            return int(cursor.fetchone()[0])

    def close(self) -> None:
        """Close its connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


class PostgresGeneration:
    """PostgreSQL names the transactions that a snapshot sees, so the same name is the same data.

    Args:
        engine: of the primary; a replica has snapshots of its own.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._connection: Any = None
        self._connects = 0
        of_driver: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._errors: tuple[type[Exception], ...] = (SQLAlchemyError, of_driver)

    def read(self) -> tuple[str, str] | None:
        """Return that of all data, and that of identities; None where they are unknown now."""
        with self._lock:
            try:
                if self._connection is None:
                    self._connect()
                query = f"SELECT pg_current_snapshot()::text, ({IDENTITIES})"
                found = self._connection.execute(query).fetchone()
            except self._errors:
                self._disconnect()
                return None
            # Another primary may have lost transactions, and name new ones as these.
            return f"{self._connects}/{found[0]}", f"{self._connects}/{found[1]}"

    def close(self) -> None:
        """Close its connection."""
        with self._lock:
            self._disconnect()

    def _connect(self) -> None:
        pooled = self._engine.raw_connection()
        self._connection = pooled.driver_connection
        # It is ours from here on, and not of the pool.
        pooled.detach()
        self._connection.autocommit = True
        self._connects += 1

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*self._errors):
                connection.close()

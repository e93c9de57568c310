"""Connections to a database: SQLite in a private file, or PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from engine.domain.errors import ConnectorError

SCHEMES = ("sqlite", "postgresql+psycopg")
BUSY_SECONDS = 30
CONNECT_SECONDS = 10
POOLED = 10
MOST_CONNECTIONS = 20
"""At once; those beyond POOLED are closed after use."""


def connect(text: str, password: str | None, seconds: float | None = None) -> Engine:
    """Return what connects to a database; nothing is reached yet.

    Args:
        text: sqlite:///path, or postgresql+psycopg://user@host/database.
        password: of PostgreSQL's user.
        seconds: that a statement may take; without it, as long as it takes.

    Raises:
        ConnectorError: it is neither.
    """
    url = checked_url(text, "--database", "set PYNOMALY_DATABASE_PASSWORD")
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, BUSY_SECONDS if seconds is None else seconds)
    if password is not None:
        url = url.set(password=password)
    # REPEATABLE READ would refuse what waits for another's change; locks are enough here.
    return create_engine(
        url,
        pool_size=POOLED,
        max_overflow=MOST_CONNECTIONS - POOLED,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args=_limits(seconds),
    )


def _limits(seconds: float | None) -> dict[str, str | int]:
    if seconds is None:
        return {"connect_timeout": CONNECT_SECONDS}
    milliseconds = max(1, round(1_000 * seconds))
    return {
        # libpq takes less than two seconds as two.
        "connect_timeout": max(2, round(seconds)),
        "tcp_user_timeout": milliseconds,
        "options": f"-c statement_timeout={milliseconds}",
    }


def checked_url(text: str, name: str, password: str) -> URL:
    """Return the address of a database that can be used here.

    Args:
        text: as people wrote it.
        name: of the option or setting that it was given by.
        password: what to do with a password instead.

    Raises:
        ConnectorError: it is none, or holds a password.
    """
    wanted = "expected sqlite:///path or postgresql+psycopg://user@host:5432/database"
    try:
        url = make_url(text)
        if url.drivername not in SCHEMES:
            raise ConnectorError(f"{name}: {wanted}")
        url.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConnectorError(f"{name}: {wanted}") from None
    except ImportError:
        need = 'pip install "pynomaly-engine[postgres]"'
        raise ConnectorError(f"{name}: PostgreSQL needs psycopg: {need}") from None
    if url.password is not None:
        raise ConnectorError(
            f"{name}: expected a URL without a password, which others could read: {password}"
        )
    return url


def reading(engine: Engine) -> Engine:
    """Return what reads over the same connections.

    In PostgreSQL each statement sees a state of its own (READ COMMITTED), in a transaction or not,
    so reads have none: its begin and end would be two more round trips.
    """
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def connect_at_once(url: URL) -> Engine:
    """Return what connects to a SQLite to read, does not wait for locks, and begins nothing."""
    return create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args={"timeout": 0}
    )


def _sqlite(url: URL, seconds: float) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOLED,
        max_overflow=MOST_CONNECTIONS - POOLED,
        connect_args={"timeout": seconds},
    )

    # SQLAlchemy begins transactions, and not the driver, which would begin them too late.
    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A transaction that will write waits for its turn now, and cannot fail at its end.
        mode = "IMMEDIATE" if connection.get_execution_options().get("writing") else "DEFERRED"
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine

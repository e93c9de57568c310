"""Connections to a database: SQLite in a private file, or PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from engine.domain.errors import ConnectorError

SCHEMES = ("sqlite", "postgresql+psycopg")
BUSY_SECONDS = 30
CONNECT_SECONDS = 10
POOLED = 10
MOST_CONNECTIONS = 20
"""At once; those beyond POOLED are closed after use."""


def connect(text: str, password: str | None) -> Engine:
    """Return what connects to a database; nothing is reached yet.

    Args:
        text: sqlite:///path, or postgresql+psycopg://user@host/database.
        password: of PostgreSQL's user.

    Raises:
        ConnectorError: it is neither.
    """
    url = _url(text)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    if password is not None:
        url = url.set(password=password)
    # REPEATABLE READ would refuse what waits for another's change; locks are enough here.
    return create_engine(
        url,
        pool_size=POOLED,
        max_overflow=MOST_CONNECTIONS - POOLED,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": CONNECT_SECONDS},
    )


def _url(text: str) -> URL:
    wanted = "expected sqlite:///path or postgresql+psycopg://user@host:5432/database"
    try:
        url = make_url(text)
        if url.drivername not in SCHEMES:
            raise ConnectorError(f"--database: {wanted}")
        url.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConnectorError(f"--database: {wanted}") from None
    except ImportError:
        need = 'pip install "pynomaly-engine[postgres]"'
        raise ConnectorError(f"--database: PostgreSQL needs psycopg: {need}") from None
    if url.password is not None:
        raise ConnectorError(
            "--database: expected a URL without a password: others can read the command line. Set "
            "PYNOMALY_DATABASE_PASSWORD"
        )
    return url


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=POOLED,
        max_overflow=MOST_CONNECTIONS - POOLED,
        connect_args={"timeout": BUSY_SECONDS},
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

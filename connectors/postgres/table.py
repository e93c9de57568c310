"""The table: created if it is missing, checked, and filled in transactions."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Timer

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from connectors.delivery.retry_settings import RecordRejectedError, TransientError
from connectors.postgres.row import Row
from connectors.postgres.settings import PostgresSettings
from engine.domain.errors import ConnectorError

COLUMNS = "id text PRIMARY KEY, key text, time timestamptz NOT NULL, record jsonb NOT NULL"
GRACE_SECONDS = 1.0
"""For the server to keep `statement_timeout` by itself, and say so."""
UNFIT = (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded)
"""What is wrong with a row, and not with the database."""


class Table:
    """A table of a database; connects when it is used, and again after a failure.

    Args:
        settings: of the sink.
        name: `schema.name`, or `name`.
    """

    def __init__(self, settings: PostgresSettings, name: str) -> None:
        self._name = name
        self._quoted = sql.Identifier(*name.split("."))
        self._seconds = seconds = settings.timeout.total_seconds()
        more: dict[str, str | int] = {
            "connect_timeout": max(2, round(seconds)),
            "tcp_user_timeout": round(1_000 * seconds),
            "keepalives_idle": max(1, round(seconds)),
            "application_name": "pynomaly",
        }
        if settings.password is not None:
            more["password"] = settings.password.get_secret_value()
        self._conninfo = make_conninfo(settings.url, **more)
        self._milliseconds = max(1, round(1_000 * seconds))
        self._connection: psycopg.Connection | None = None
        self._insert = sql.SQL(
            "INSERT INTO {} (id, key, time, record) VALUES (%s, %s, %s, %s::jsonb) "
            "ON CONFLICT (id) DO NOTHING"
        ).format(self._quoted)

    def prepare(self) -> None:
        """Make the table unless it is there, and see that rows fit into it.

        Raises:
            TransientError: the database cannot be reached now.
            ConnectorError: the table cannot be made, or is another one.
        """
        with self._transaction() as connection:
            if not self._exists(connection):
                # Two processes that make it at once would get in each other's way.
                connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [self._name])
                connection.execute(
                    sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(
                        self._quoted, sql.SQL(COLUMNS)
                    )
                )
            self._try(connection)

    def reach(self) -> None:
        """Do what `prepare` does, and take it back: nothing is made.

        Raises: as `prepare` does.
        """
        with self._transaction() as connection:
            if not self._exists(connection):
                connection.execute(
                    sql.SQL("CREATE TABLE {} ({})").format(self._quoted, sql.SQL(COLUMNS))
                )
            self._try(connection)
            raise psycopg.Rollback

    def insert(self, rows: list[Row]) -> None:
        """Insert rows in one transaction; those whose id is there are left as they are.

        Raises:
            TransientError: the database cannot be reached now; nothing was inserted, or all of it.
            RecordRejectedError: a row can never be inserted; nothing was.
            ConnectorError: the table is gone, or we may not write to it.
        """
        with self._transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(self._insert, rows)

    def _exists(self, connection: psycopg.Connection) -> bool:
        found = connection.execute(
            "SELECT to_regclass(%s)", [self._quoted.as_string(connection)]
        ).fetchone()
        return found is not None and found[0] is not None

    def _try(self, connection: psycopg.Connection) -> None:
        # Parsed, with its rights looked at, and run for no row at all.
        connection.execute(
            sql.SQL(
                "INSERT INTO {} (id, key, time, record) "
                "SELECT ''::text, ''::text, now(), '1'::jsonb WHERE false "
                "ON CONFLICT (id) DO NOTHING"
            ).format(self._quoted)
        )

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection]:
        try:
            connection = self._connected()
            with _hung_up_after(self._seconds, connection), connection.transaction():
                yield connection
        except UNFIT as error:
            raise RecordRejectedError(_said(error)) from None
        except psycopg.ProgrammingError as error:
            raise ConnectorError(
                f'table "{self._name}": {_said(error)}. Correct the rights, or the table: '
                f"CREATE TABLE {self._name} ({COLUMNS})"
            ) from None
        except TransientError:
            self.close()
            raise
        except psycopg.Error as error:
            self.close()
            raise TransientError(_kind(error), _said(error)) from None

    def _connected(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                options=f"-c statement_timeout={self._milliseconds}",
            )
        return self._connection

    def close(self) -> None:
        """Release the connection."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


@contextmanager
def _hung_up_after(seconds: float, connection: psycopg.Connection) -> Iterator[None]:
    """Break a connection that a transaction takes too long on.

    `statement_timeout` is the server's: one that has stopped, or a proxy before it, does not keep
    it, while its kernel goes on to acknowledge what we send.
    """
    # A descriptor of our own: that of a connection which is closed may soon be another file's.
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        late = Event()

        def hang_up() -> None:
            late.set()
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

        timer = Timer(seconds + GRACE_SECONDS, hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except psycopg.OperationalError as error:
            if late.is_set():
                raise TransientError("timeout", f"no answer in {seconds:g} s") from error
            raise
        finally:
            timer.cancel()
            timer.join()


def _said(error: psycopg.Error) -> str:
    return " ".join(str(error).split())


def _kind(error: psycopg.Error) -> str:
    if error.sqlstate is None:
        return "connection"
    return "timeout" if isinstance(error, errors.QueryCanceled) else "database"

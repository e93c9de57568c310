"""Reads of SQLite in a thread that others wait for: what would take long is broken off."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from pynomaly.plugins import NotAtOnceError, UnitOfWork

SECONDS = 0.2
"""Of a read with the time that it waits for the disk, or for a processor."""
STEPS = 1_000
"""Of SQLite's virtual machine, after which it is asked: a page of 50 takes one or two thousand."""
MOST_STEPS = 20_000
"""Of a read: about 4 ms. Counted, as asking for processor time can take a tenth of a page."""
CACHE_KIB = 65_536
"""Of the database's pages. SQLite keeps 2 MiB, which the upper levels of the indexes exceed."""


class AtOnce:
    """One connection to SQLite, for one thread at a time.

    Taking one out of the pool and handing the read to another thread takes several times as long
    as finding a page.

    Args:
        engine: connects; it does not wait for locks, and begins no transactions itself.
        work: returns the repositories of a connection.
    """

    def __init__(self, engine: Engine, work: Callable[[Connection], UnitOfWork]) -> None:
        self._engine = engine
        self._make_work = work
        self._lock = Lock()
        self._opened: tuple[Any, UnitOfWork] | None = None
        self._until = 0.0
        self._steps = 0

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """Return a unit of work that sees one state of the store and changes nothing.

        Raises:
            NotAtOnceError: it would have to wait, or takes too long.
        """
        if not self._lock.acquire(blocking=False):
            raise NotAtOnceError
        try:
            driver, work = self._opened or self._open()
            self._until = time.perf_counter() + SECONDS
            self._steps = 0
            driver.execute("BEGIN")
            try:
                yield work
            finally:
                driver.execute("ROLLBACK")
        except (sqlite3.Error, DBAPIError) as error:
            # Whoever reads it in a thread that may wait gets the reason.
            raise NotAtOnceError from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._opened = None
            self._engine.dispose()

    def _open(self) -> tuple[Any, UnitOfWork]:
        connection = self._engine.connect()
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        driver.set_progress_handler(self._is_late, STEPS)
        self._opened = driver, self._make_work(connection)
        return self._opened

    def _is_late(self) -> bool:
        self._steps += STEPS
        return self._steps > MOST_STEPS or time.perf_counter() > self._until

"""The live feed in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text

from connectors.sql.rows import execute_many, values_of
from connectors.sql.tables import feed as table
from engine.domain.control.feed import KEPT, FeedChange, FeedEntry

LOCK = 7_225_083_666
"""Of PostgreSQL's advisory locks: numbers become visible in their order."""
PRUNE_EVERY = 1_000


class SqlFeed:
    """The repository of the live feed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, changes: Sequence[FeedChange]) -> None:
        """Store changes behind the last ones; what is older than has to be kept may go."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        last = self.ends()[1]
        rows = [
            {"number": number, **values_of(change)}
            for number, change in enumerate(changes, last + 1)
        ]
        execute_many(self._connection, insert(table), rows)
        if last // PRUNE_EVERY != (last + len(rows)) // PRUNE_EVERY:
            old = table.c.number <= last + len(rows) - KEPT
            self._connection.execute(delete(table).where(old))

    def after(self, number: int, limit: int) -> list[FeedEntry]:
        """Return the entries after a number, in their order."""
        query = select(table).where(table.c.number > number).order_by(table.c.number)
        return [_entry(row) for row in self._connection.execute(query.limit(limit))]

    def ends(self) -> tuple[int, int]:
        """Return the numbers of the first and the last entry that are kept; 1, 0 for none."""
        first = self._connection.execute(select(func.min(table.c.number))).scalar()
        last = self._connection.execute(select(func.max(table.c.number))).scalar()
        return (1, 0) if first is None or last is None else (first, last)


def _entry(row: Row[Any]) -> FeedEntry:
    return FeedEntry(row.number, FeedChange(row.kind, row.pipeline, row.entity, row.data))

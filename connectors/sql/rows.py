"""What repositories share: inserts that pass over what is there, pages, and rows as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, Table, and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement

from engine.domain.control.page import AnomalyFilter, IncidentFilter, Page, Position

T = TypeVar("T")
Values = dict[str, Any]
BATCH = 500
"""Ids in one query: SQLite bounds its parameters."""


def insert_into(connection: Connection, table: Table) -> Any:
    """Return an insert that can say what happens where the primary key is stored already."""
    postgres = connection.dialect.name == "postgresql"
    return postgresql.insert(table) if postgres else sqlite.insert(table)


def insert_new(connection: Connection, table: Table, rows: Sequence[Values]) -> list[Row[Any]]:
    """Insert rows whose primary key is new; return these keys."""
    if not rows:
        return []
    made = insert_into(connection, table).on_conflict_do_nothing()
    found: list[Row[Any]] = []
    for begin in range(0, len(rows), BATCH):
        returned = made.values(list(rows[begin : begin + BATCH])).returning(*table.primary_key)
        found += connection.execute(returned).all()
    return found


def page(
    connection: Connection,
    query: Select[Any],
    keys: tuple[ColumnElement[int], ColumnElement[str]],
    behind: Position | None,
    limit: int,
    value: Callable[[Row[Any]], T],
    position: Callable[[T], Position],
) -> Page[T]:
    """Return a page of a query, sorted by time and id, the newest first.

    Args:
        connection: to ask.
        query: what to select, with its filters.
        keys: the columns of time and id.
        behind: where the page begins.
        limit: items of a page.
        value: what a row is.
        position: where a value stands.
    """
    time, key = keys
    if behind is not None:
        # Not a row comparison: SQLite uses the index for this form, as PostgreSQL does.
        older = or_(time < behind.time, and_(time == behind.time, key < behind.id))
        query = query.where(time <= behind.time, older)
    rows = connection.execute(query.order_by(time.desc(), key.desc()).limit(limit + 1)).all()
    items = [value(row) for row in rows[:limit]]
    return Page(items, position(items[-1]) if len(rows) > limit else None)


def chosen(
    table: Table, wanted: AnomalyFilter | IncidentFilter, time: ColumnElement[int]
) -> Select[Any]:
    """Return the query of the rows that a filter means.

    Args:
        table: to select from.
        wanted: the filter; its fields but the span of time are columns.
        time: the column that the span is of.
    """
    fields = asdict(wanted)
    since, until = fields.pop("since"), fields.pop("until")
    query = select(table).where(
        *(table.c[name] == value for name, value in fields.items() if value is not None)
    )
    if since is not None:
        query = query.where(time >= since)
    if until is not None:
        query = query.where(time < until)
    return query

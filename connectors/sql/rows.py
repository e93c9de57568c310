"""What repositories share: inserts that pass over what is there, pages, and rows as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, Table, Text, and_, desc, or_, select, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

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
    made = insert_into(connection, table).on_conflict_do_nothing().returning(*table.primary_key)
    # SQLAlchemy makes statements of many rows of it, and composes them once.
    return list(connection.execute(made, rows).all())


def values_of(one: Any) -> Values:
    """Return the fields of a data class; `asdict` would copy them, in several times as long."""
    return {name: getattr(one, name) for name in one.__slots__}


def page(
    connection: Connection,
    queries: Sequence[Select[Any]],
    keys: tuple[ColumnElement[int], ColumnElement[str]],
    behind: Position | None,
    limit: int,
    value: Callable[[Row[Any]], T],
    position: Callable[[T], Position],
) -> Page[T]:
    """Return a page of queries taken together, sorted by time and id, the newest first.

    Args:
        connection: to ask.
        queries: what to select, with their filters; no row is in two of them.
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
        queries = [query.where(time <= behind.time, older) for query in queries]
    if len(queries) == 1:
        query: Any = queries[0].order_by(time.desc(), key.desc())
    else:
        # Both databases merge the parts, and read no more of each than they need.
        query = union_all(*queries).order_by(desc(time.name), desc(key.name))
    rows = connection.execute(query.limit(limit + 1)).all()
    items = [value(row) for row in rows[:limit]]
    return Page(items, position(items[-1]) if len(rows) > limit else None)


def chosen(
    table: Table,
    wanted: AnomalyFilter | IncidentFilter,
    time: ColumnElement[int],
    behind: Position | None,
    lead: Sequence[str] = (),
) -> Select[Any]:
    """Return the query of the rows that a filter means.

    Args:
        table: to select from.
        wanted: the filter; its fields but the span of time are columns.
        time: the column that the span is of.
        behind: where the page begins.
        lead: the columns to choose an index by, the first one that is asked for; else by all.
    """
    fields = asdict(wanted)
    since, until = fields.pop("since"), fields.pop("until")
    asked = {name: value for name, value in fields.items() if value is not None}
    first = next((name for name in lead if name in asked), None)
    query = select(table).where(
        *(
            (table.c[name] if first in (None, name) else Beside(table.c[name])) == value
            for name, value in asked.items()
        )
    )
    if since is not None:
        query = query.where(time >= since)
    # Behind a position the end is implied, and databases would seek by it.
    if until is not None and (behind is None or behind.time >= until):
        query = query.where(time < until)
    return query


class Beside(FunctionElement[Any]):
    """A column that SQLite chooses no index by: it does not know how many rows a value has."""

    inherit_cache = True
    name = "beside"
    type = Text()


@compiles(Beside)
def _plain(element: Beside, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.clauses, **more))


@compiles(Beside, "sqlite")
def _without_index(element: Beside, compiler: Any, **more: Any) -> str:
    return f"+{compiler.process(element.clauses, **more)}"

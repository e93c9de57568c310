"""What repositories share: inserts that pass over what is there, pages, and rows as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Dialect,
    Row,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    desc,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from engine.domain.control.page import AnomalyFilter, IncidentFilter, Page, Position

T = TypeVar("T")
Values = dict[str, Any]
BATCH = 500
"""Ids in one query: SQLite bounds its parameters."""
MANY = 50
"""Rows for which composing a statement again pays."""
STATEMENTS = 500
"""Of a list, that are kept: as many as filters can be combined."""

ROW = "\x1e"
"""Separates rows that are joined to one text: neither ids nor JSON contain it."""


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


def execute_many(connection: Connection, statement: Any, rows: Sequence[Values]) -> None:
    """Execute a statement for each of some rows, which have the same columns.

    SQLAlchemy prepares the parameters of each row: of many rows, that takes longer than storing
    them, so the driver gets these as they are.
    """
    if len(rows) < MANY:
        if rows:
            connection.execute(statement, rows)
        return
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = compiled.positiontup
    given: Any = rows if names is None else [tuple(row[name] for name in names) for row in rows]
    connection.exec_driver_sql(compiled.string, given)


def fetched(connection: Connection, statement: Any, given: Values) -> Sequence[Any]:
    """Return the rows of a statement that is kept.

    Booleans of SQLite are 0 and 1 in them: its driver takes a third of the time that SQLAlchemy
    takes for the same page.
    """
    if connection.dialect.name != "sqlite":
        return connection.execute(statement, given).all()
    text, names, fixed = _for_driver(statement, connection.dialect)
    driver: Any = connection.connection.driver_connection
    found = driver.execute(text, [given[one] if one in given else fixed[one] for one in names])
    return found.fetchall()  # type: ignore[no-any-return]


@lru_cache(STATEMENTS)
def _for_driver(statement: Any, dialect: Dialect) -> tuple[str, Sequence[str], Values]:
    """Return the text of a statement, the names of its parameters, and values that it has."""
    compiled = statement.compile(dialect=dialect)
    return compiled.string, compiled.positiontup, compiled.construct_params(_check=False)


def values_of(one: Any) -> Values:
    """Return the fields of a data class; `asdict` would copy them, in several times as long."""
    return {name: getattr(one, name) for name in one.__slots__}


def page(
    rows_of: Callable[[Any, Values], Sequence[Any]],
    statement: Select[Any] | CompoundSelect[Any],
    given: Values,
    behind: Position | None,
    limit: int,
    value: Callable[[Any], T],
    position: Callable[[T], Position],
) -> Page[T]:
    """Return a page of a list.

    Args:
        rows_of: returns the rows of a statement.
        statement: of `paged`.
        given: the values of its parameters, without those of the page.
        behind: where the page begins.
        limit: items of a page.
        value: what a row is.
        position: of a value.
    """
    given = {**given, "limit": limit + 1}
    if behind is not None:
        given.update(behind_time=behind.time, behind_id=behind.id)
    rows = rows_of(statement, given)
    items = [value(row) for row in rows[:limit]]
    return Page(items, position(items[-1]) if len(rows) > limit else None)


def paged(
    queries: Sequence[Select[Any]],
    keys: tuple[ColumnElement[int], ColumnElement[str]],
    *,
    is_behind: bool,
    merging: bool = False,
) -> Select[Any] | CompoundSelect[Any]:
    """Return the query of a page of queries taken together, sorted by time and id, newest first.

    Args:
        queries: what to select, with their filters; no row is in two of them.
        keys: the columns of time and id.
        is_behind: whether the page begins behind a position.
        merging: whether the database merges queries that a sort is asked for as a whole, and reads
            no more of each than the page needs. SQLite does; PostgreSQL merges queries that are
            sorted and limited themselves, and would read all of the others.
    """
    time, key = keys
    if is_behind:
        last_time: ColumnElement[int] = bindparam("behind_time")
        last_key: ColumnElement[str] = bindparam("behind_id")
        # Not a row comparison: SQLite uses the index for this form, as PostgreSQL does.
        older = or_(time < last_time, and_(time == last_time, key < last_key))
        queries = [query.where(time <= last_time, older) for query in queries]
    most: ColumnElement[int] = bindparam("limit")
    if len(queries) > 1 and merging:
        query: Any = union_all(*queries)
    else:
        queries = [query.order_by(time.desc(), key.desc()).limit(most) for query in queries]
        if len(queries) == 1:
            return queries[0]
        query = union_all(*queries)
    return query.order_by(desc(time.name), desc(key.name)).limit(most)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a filter asks for, without the values: lists that ask for the same share a statement.

    Attributes:
        columns: that have to be equal.
        since, until: whether the span of time is bounded.
        is_behind: whether the page begins behind a position.
        is_collapsed: whether there is one row of a story.
    """

    columns: tuple[str, ...]
    since: bool
    until: bool
    is_behind: bool
    is_collapsed: bool

    def rows(self, table: Table, time: ColumnElement[int], lead: Sequence[str] = ()) -> Select[Any]:
        """Return the query of the rows.

        Args:
            table: to select from.
            time: the column that the span is of.
            lead: the columns to choose an index by, the first one that is asked for; else by all.
        """
        first = next((name for name in lead if name in self.columns), None)
        query = select(table).where(
            *(
                (table.c[name] if first in (None, name) else Beside(table.c[name]))
                == bindparam(name, type_=table.c[name].type)
                for name in self.columns
            )
        )
        if self.since:
            query = query.where(time >= bindparam("since"))
        return query.where(time < bindparam("until")) if self.until else query


def asked(wanted: AnomalyFilter | IncidentFilter, behind: Position | None) -> tuple[Asked, Values]:
    """Return what a filter asks for, and the values.

    Args:
        wanted: the filter; its fields but the span of time are columns.
        behind: where the page begins.
    """
    given = {name: value for name, value in values_of(wanted).items() if value is not None}
    is_collapsed = bool(given.pop("is_collapsed", False))
    # Behind a position the end is implied, and databases would seek by it.
    if behind is not None and behind.time < given.get("until", behind.time):
        del given["until"]
    columns = tuple(name for name in given if name not in ("since", "until"))
    bounds = "since" in given, "until" in given
    return Asked(columns, *bounds, behind is not None, is_collapsed), given


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

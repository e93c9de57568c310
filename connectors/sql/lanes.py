"""Lanes in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    cast,
    func,
    select,
    union_all,
)

from connectors.sql.rows import STATEMENTS, Beside, Values, insert_into
from connectors.sql.sums import join, prune
from connectors.sql.tables import lanes as table
from engine.domain.control.lane import STEPS, Lane, LaneCell
from engine.domain.control.spans import FIRST, LAST, Stretch


class SqlLanes:
    """The repository of lanes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, cells: Sequence[LaneCell]) -> None:
        """Join cells with those that are stored; given in the order of their keys."""
        made = insert_into(self._connection, table)
        new, old = made.excluded, table.c
        merged = {
            "count": old["count"] + new["count"],
            "p_value": case((new.p_value < old.p_value, new.p_value), else_=old.p_value),
            "severity": case((new.severity > old.severity, new.severity), else_=old.severity),
        }
        join(self._connection, made, merged, cells)

    def entities(
        self, pipeline: str, prefix: str, during: Sequence[Stretch], behind: str, limit: int
    ) -> list[Lane]:
        """Return entities by a prefix of their keys, in order, after a key."""
        following = _following(prefix)
        statement = _lanes(_bounds(during), by_key=True, is_prefix=following is not None)
        given = {"behind": behind, "prefix": prefix, "following": following, "limit": limit}
        return self._sums(statement, pipeline, during, given)

    def worst(self, pipeline: str, during: Sequence[Stretch], limit: int) -> list[Lane]:
        """Return the entities of the greatest worth, the worst first."""
        return self._sums(_lanes(_bounds(during)), pipeline, during, {"limit": limit})

    def _sums(
        self, statement: Select[Any], pipeline: str, during: Sequence[Stretch], given: Values
    ) -> list[Lane]:
        given["pipeline"] = pipeline
        for number, one in enumerate(during):
            given[f"step_{number}"] = one.step
            given[f"since_{number}"] = one.since
            given[f"until_{number}"] = one.until
        return [Lane(*row) for row in self._connection.execute(statement, given).all()]

    def cells(
        self, pipeline: str, entities: Collection[str], step: int, since: int, until: int
    ) -> list[LaneCell]:
        """Return the cells of entities that begin in a span of time, in the order of their keys."""
        wanted = _during(pipeline, entities, step, since, until)
        query = select(*(table.c[name] for name in LaneCell.__slots__)).where(*wanted)
        rows = self._connection.execute(query.order_by(table.c.entity, table.c.begin))
        # At once: a row at a time takes twice as long.
        return [LaneCell(*row) for row in rows.all()]

    def latest(
        self, pipeline: str, entities: Collection[str], step: int, since: int, until: int
    ) -> dict[str, int]:
        """Return where the last cell of each entity begins, of those in a span of time."""
        wanted = _during(pipeline, entities, step, since, until)
        query = select(table.c.entity, func.max(table.c.begin)).where(*wanted)
        rows = self._connection.execute(query.group_by(table.c.entity))
        return {row[0]: row[1] for row in rows.all()}

    def prune(self, before: int, at_most: int) -> int:
        """Remove earlier spans, up to a limit; return their number."""
        gone = 0
        for step in STEPS:
            gone += prune(self._connection, table, step, before, at_most - gone)
        return gone


def _during(
    pipeline: str, entities: Collection[str], step: int, since: int, until: int
) -> list[ColumnElement[bool]]:
    return [
        table.c.pipeline == pipeline,
        table.c.step == step,
        table.c.entity.in_(entities),
        table.c.begin >= since,
        table.c.begin < until,
    ]


def _bounds(during: Sequence[Stretch]) -> tuple[tuple[bool, bool], ...]:
    """Return of each stretch whether it has a beginning, and an end."""
    return tuple((one.since > FIRST, one.until != LAST) for one in during)


# Composing it takes longer than finding the entities of a short time.
@lru_cache(STATEMENTS)
def _lanes(
    bounds: tuple[tuple[bool, bool], ...], *, by_key: bool = False, is_prefix: bool = False
) -> Select[Any]:
    """Return the query of the sums of entities.

    Args:
        bounds: of the stretches to sum up; at least one.
        by_key: whether entities are sorted by their keys; else the worst come first.
        is_prefix: whether there is a key behind all those of a prefix.
    """
    key, wanted = table.c.entity, list[ColumnElement[bool]]()
    if by_key:
        wanted = [key > bindparam("behind"), key >= bindparam("prefix")]
    if is_prefix:
        wanted.append(key < bindparam("following"))
    parts = union_all(
        *(_part(number, *one).where(*wanted) for number, one in enumerate(bounds))
    ).subquery()
    # All of a short time: SQLite would read all times of each entity, which come in its order.
    by_time = not by_key and bounds[0][0]
    query = select(
        parts.c.entity,
        # PostgreSQL adds up integers to a decimal.
        cast(func.sum(parts.c["count"]), BigInteger).label("count"),
        func.min(parts.c.p_value).label("p_value"),
        func.max(parts.c.severity).label("severity"),
        func.max(parts.c.begin).label("last"),
    ).group_by(Beside(parts.c.entity) if by_time else parts.c.entity)
    found = query.selected_columns
    worst = found.severity.desc(), found["count"].desc(), found.p_value, found.entity
    return query.order_by(*(["entity"] if by_key else worst)).limit(bindparam("limit"))


def _part(number: int, begins: bool, ends: bool) -> Select[Any]:
    columns = table.c
    query = select(
        columns.entity, columns["count"], columns.p_value, columns.severity, columns.begin
    ).where(columns.pipeline == bindparam("pipeline"), columns.step == bindparam(f"step_{number}"))
    if begins:
        query = query.where(columns.begin >= bindparam(f"since_{number}"))
    return query.where(columns.begin < bindparam(f"until_{number}")) if ends else query


def _following(prefix: str) -> str | None:
    """Return the smallest text after all those with a prefix; None if there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            # Surrogates are not characters of a database.
            following = chr(0xE000) if last == 0xD7FF else chr(last + 1)
            return prefix[:-1] + following
        prefix = prefix[:-1]
    return None

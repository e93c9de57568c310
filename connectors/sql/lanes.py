"""Lanes in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    case,
    cast,
    func,
    select,
    union_all,
)

from connectors.sql.rows import Beside, insert_into
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
        key = table.c.entity
        wanted = [key > behind, key >= prefix]
        following = _following(prefix)
        if following is not None:
            wanted.append(key < following)
        query = _lanes(pipeline, during, wanted)
        query = query.order_by("entity").limit(limit)
        return [Lane(*row) for row in self._connection.execute(query)]

    def worst(self, pipeline: str, during: Sequence[Stretch], limit: int) -> list[Lane]:
        """Return the entities of the greatest worth, the worst first."""
        query = _lanes(pipeline, during, [], by_time=during[0].since > FIRST)
        columns = query.selected_columns
        query = query.order_by(
            columns.severity.desc(), columns["count"].desc(), columns.p_value, columns.entity
        )
        return [Lane(*row) for row in self._connection.execute(query.limit(limit))]

    def cells(
        self, pipeline: str, entities: Collection[str], step: int, since: int, until: int
    ) -> list[LaneCell]:
        """Return the cells of entities that begin in a span of time, in the order of their keys."""
        query = (
            select(*(table.c[name] for name in LaneCell.__slots__))
            .where(
                table.c.pipeline == pipeline,
                table.c.step == step,
                table.c.entity.in_(entities),
                table.c.begin >= since,
                table.c.begin < until,
            )
            .order_by(table.c.entity, table.c.begin)
        )
        return [LaneCell(*row) for row in self._connection.execute(query)]

    def prune(self, before: int, at_most: int) -> int:
        """Remove earlier spans, up to a limit; return their number."""
        gone = 0
        for step in STEPS:
            gone += prune(self._connection, table, step, before, at_most - gone)
        return gone


def _lanes(
    pipeline: str,
    during: Sequence[Stretch],
    wanted: Sequence[ColumnElement[bool]],
    *,
    by_time: bool = False,
) -> Select[Any]:
    """Return the query of the sums of entities.

    Args:
        pipeline: whose.
        during: spans to sum up; at least one.
        wanted: which entities.
        by_time: whether all of a short time are asked for: SQLite would read all times of each
            entity, which come in the order of entities.
    """
    parts = union_all(*(_part(pipeline, one).where(*wanted) for one in during)).subquery()
    return select(
        parts.c.entity,
        # PostgreSQL adds up integers to a decimal.
        cast(func.sum(parts.c["count"]), BigInteger).label("count"),
        func.min(parts.c.p_value).label("p_value"),
        func.max(parts.c.severity).label("severity"),
        func.max(parts.c.begin).label("last"),
    ).group_by(Beside(parts.c.entity) if by_time else parts.c.entity)


def _part(pipeline: str, during: Stretch) -> Select[Any]:
    columns = table.c
    query = select(
        columns.entity, columns["count"], columns.p_value, columns.severity, columns.begin
    ).where(columns.pipeline == pipeline, columns.step == during.step)
    if during.since > FIRST:
        query = query.where(columns.begin >= during.since)
    return query if during.until == LAST else query.where(columns.begin < during.until)


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

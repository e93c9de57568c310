"""Lanes in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    Select,
    case,
    cast,
    func,
    select,
)

from connectors.sql.rows import insert_into
from connectors.sql.sums import join, prune
from connectors.sql.tables import lanes as table
from engine.domain.control.lane import STEPS, Lane, LaneCell


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
        self, pipeline: str, prefix: str, step: int, since: int, behind: str, limit: int
    ) -> list[Lane]:
        """Return entities whose key begins so and comes behind another one, by key."""
        key = table.c.entity
        query = self._lanes(pipeline, step, since, None).where(key > behind, key >= prefix)
        following = _following(prefix)
        if following is not None:
            query = query.where(key < following)
        return list(map(_lane, self._connection.execute(query.order_by(key).limit(limit))))

    def worst(self, pipeline: str, step: int, since: int, until: int, limit: int) -> list[Lane]:
        """Return the entities of the greatest worth, the worst first."""
        query = self._lanes(pipeline, step, since, until).order_by(
            func.max(table.c.severity).desc(),
            func.sum(table.c["count"]).desc(),
            func.min(table.c.p_value),
            table.c.entity,
        )
        return list(map(_lane, self._connection.execute(query.limit(limit))))

    def cells(
        self, pipeline: str, entities: Collection[str], step: int, since: int, until: int
    ) -> list[LaneCell]:
        """Return the cells of entities that begin in a span of time, in the order of their keys."""
        query = (
            select(table)
            .where(
                table.c.pipeline == pipeline,
                table.c.step == step,
                table.c.entity.in_(entities),
                table.c.begin >= since,
                table.c.begin < until,
            )
            .order_by(table.c.entity, table.c.begin)
        )
        return [LaneCell(**row._mapping) for row in self._connection.execute(query)]

    def prune(self, before: int, at_most: int) -> int:
        """Remove those that end before, at most so many; return how many went."""
        gone = 0
        for step in STEPS:
            gone += prune(self._connection, table, step, before, at_most - gone)
        return gone

    def _lanes(self, pipeline: str, step: int, since: int, until: int | None) -> Select[Any]:
        columns = table.c
        query = (
            select(
                columns.entity,
                # PostgreSQL adds up integers to a decimal.
                cast(func.sum(columns["count"]), BigInteger).label("count"),
                func.min(columns.p_value).label("p_value"),
                func.max(columns.severity).label("severity"),
                func.max(columns.begin).label("last"),
            )
            .where(columns.pipeline == pipeline, columns.step == step, columns.begin >= since)
            .group_by(columns.entity)
        )
        return query if until is None else query.where(columns.begin < until)


def _lane(row: Row[Any]) -> Lane:
    return Lane(**row._mapping)


def _following(prefix: str) -> str | None:
    """Return the least text behind all that begin so; None where there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            # Surrogates are no characters of a database.
            following = chr(0xE000) if last == 0xD7FF else chr(last + 1)
            return prefix[:-1] + following
        prefix = prefix[:-1]
    return None

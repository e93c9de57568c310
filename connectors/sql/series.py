"""Series in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, select

from connectors.sql.rows import Beside, insert_into
from connectors.sql.sums import join, prune
from connectors.sql.tables import series as table
from engine.domain.control.series import EVENTS, Bucket

HUGE = 1e300
"""PostgreSQL refuses a sum that no number holds; that of smaller ones is far from it."""


class SqlSeries:
    """The repository of series."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, buckets: Sequence[Bucket]) -> None:
        """Join buckets with those that are stored; given in the order of their keys."""
        made = insert_into(self._connection, table)
        new, old = made.excluded, table.c
        merged = {
            "count": old["count"] + new["count"],
            "total": old.total + new.total,
            "least": _lesser(old.least, new.least),
            "greatest": _greater(old.greatest, new.greatest),
            "low": func.coalesce(_lesser(old.low, new.low), new.low, old.low),
            "high": func.coalesce(_greater(old.high, new.high), new.high, old.high),
            "rarity": _greater(old.rarity, new.rarity),
        }
        join(self._connection, made, merged, buckets)

    def find(self, pipeline: str, entity: str, step: int, since: int, until: int) -> list[Bucket]:
        """Return the buckets of an entity that begin in a span of time, by value and time."""
        query = (
            select(*(table.c[name] for name in Bucket.__slots__))
            .where(
                table.c.pipeline == pipeline,
                table.c.step == step,
                table.c.entity == entity,
                table.c.begin >= since,
                table.c.begin < until,
            )
            .order_by(table.c.value, table.c.begin)
        )
        return [Bucket(*row) for row in self._connection.execute(query)]

    def widened(
        self, pipeline: str, entity: str, step: int, since: int, until: int, into: int
    ) -> list[Bucket]:
        """Return them joined to buckets of a longer step, of which `since` is a multiple."""
        behind = table.c.begin - since
        size = func.abs(table.c.total)
        fits = case((size < HUGE, table.c.total), else_=0.0)
        query = (
            select(
                table.c.value,
                (table.c.begin - behind % into).label("span"),
                # Of PostgreSQL, a sum of counts is a decimal.
                cast(func.sum(table.c["count"]), BigInteger),
                case((func.max(size) < HUGE, func.sum(fits)), else_=None),
                func.min(table.c.least),
                func.max(table.c.greatest),
                func.min(table.c.low),
                func.max(table.c.high),
                func.max(table.c.rarity),
            )
            .where(
                table.c.pipeline == pipeline,
                table.c.step == step,
                table.c.entity == entity,
                table.c.begin >= since,
                table.c.begin < until,
            )
            .group_by(table.c.value, "span")
            .order_by(table.c.value, "span")
        )
        return [
            Bucket(
                pipeline, entity, value, into, span, count, inf if total is None else total, *rest
            )
            for value, span, count, total, *rest in self._connection.execute(query)
        ]

    def rarest(self, pipeline: str, step: int, since: int, limit: int) -> list[tuple[str, float]]:
        """Return entities and the greatest rarity of their events since a time, it first."""
        rarity = func.max(table.c.rarity)
        query = (
            select(table.c.entity, rarity)
            .where(
                table.c.pipeline == pipeline,
                table.c.step == step,
                table.c.value == EVENTS,
                table.c.begin >= since,
            )
            # SQLite would read all times of each entity, which come in this order.
            .group_by(Beside(table.c.entity))
            .order_by(rarity.desc(), table.c.entity)
            .limit(limit)
        )
        return [(entity, found) for entity, found in self._connection.execute(query)]

    def prune(self, step: int, before: int, at_most: int) -> int:
        """Remove earlier spans of a step, up to a limit; return their number."""
        return prune(self._connection, table, step, before, at_most)


def _lesser(old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the lesser one; null where one is null."""
    return case((new < old, new), (new >= old, old), else_=None)


def _greater(old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the greater one; null where one is null."""
    return case((new > old, new), (new <= old, old), else_=None)

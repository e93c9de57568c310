"""Anomalies in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache, partial
from typing import Any

import orjson
from sqlalchemy import CompoundSelect, Connection, Row, Select, delete, func, select

from connectors.sql.rows import (
    ROW,
    STATEMENTS,
    Asked,
    Values,
    asked,
    fetched,
    insert_new,
    page,
    paged,
)
from connectors.sql.tables import anomalies as table
from engine.domain.alert_policy import Severity
from engine.domain.control.page import AnomalyFilter, Page, Position
from engine.domain.control.stored_anomaly import StoredAnomaly

COLUMNS = tuple(table.columns.keys())


class SqlAnomalies:
    """The repository of anomalies."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_sqlite = connection.dialect.name == "sqlite"
        self._rows = partial(fetched, connection)

    def add(self, anomalies: Sequence[StoredAnomaly]) -> Collection[str]:
        """Store those whose ids are new; return these ids."""
        return {row[0] for row in insert_new(self._connection, table, list(map(_row, anomalies)))}

    def get(self, anomaly_id: str) -> StoredAnomaly | None:
        """Return the anomaly of an id."""
        found = self._connection.execute(select(table).where(table.c.id == anomaly_id)).first()
        return None if found is None else _value(found)

    def find(
        self, wanted: AnomalyFilter, behind: Position | None, limit: int
    ) -> Page[StoredAnomaly]:
        """Return a page of them by event time and id, the newest first."""
        shape, given = asked(wanted, behind)
        statement = _statement(shape, published=False, merging=self._is_sqlite)
        return page(self._rows, statement, given, behind, limit, _value, _position)

    def documents(self, wanted: AnomalyFilter, behind: Position | None, limit: int) -> Page[str]:
        """Return a page as `find` does, of what was published alone, as JSON."""
        shape, given = asked(wanted, behind)
        if self._is_sqlite:
            found = page(self._joined_rows, _joined(shape), given, behind, limit, _same, _place)
        else:
            statement = _statement(shape, published=True, merging=False)
            found = page(self._rows, statement, given, behind, limit, _same, _place)
        return Page([row[2] for row in found.items], found.next)

    def _joined_rows(self, statement: Any, given: Values) -> list[Sequence[str]]:
        [columns] = self._rows(statement, given)
        return [] if None in columns else list(zip(*map(_split, columns), strict=True))

    def prune(self, before: int, at_most: int) -> int:
        """Remove anomalies of earlier event times, up to a limit; return their number."""
        old = select(table.c.id).where(table.c.time < before).limit(at_most)
        return self._connection.execute(delete(table).where(table.c.id.in_(old))).rowcount


# Composing a statement takes longer than finding a page.
@lru_cache(STATEMENTS)
def _statement(
    shape: Asked, *, published: bool, merging: bool
) -> Select[Any] | CompoundSelect[Any]:
    """Return the query of a page: of whole rows, or of what was published alone."""
    keys = table.c.time, table.c.id
    parts = _parts(shape)
    if published:
        parts = [part.with_only_columns(*keys, table.c.document) for part in parts]
    return paged(parts, keys, is_behind=shape.is_behind, merging=merging)


@lru_cache(STATEMENTS)
def _joined(shape: Asked) -> Select[Any]:
    """Return the query of a page of what was published, each column as one text.

    For each row that its driver returns, another thread may get its turn, for 5 ms.
    """
    rows = _statement(shape, published=True, merging=True).subquery()
    # SQLite keeps the order of a subquery that has a limit.
    return select(*(func.group_concat(column, ROW) for column in rows.c))


def _parts(shape: Asked) -> list[Select[Any]]:
    """Return queries that are each sorted by an index, whatever is asked for."""
    rows, columns = shape.rows(table, table.c.time, ("incident", "entity")), shape.columns
    few = "incident" in columns or "entity" in columns
    if few or "severity" in columns or ("kind" not in columns and "pipeline" not in columns):
        return [rows]
    return [rows.where(table.c.severity == one.value) for one in Severity]


def _row(anomaly: StoredAnomaly) -> Values:
    fields = {name: getattr(anomaly, name) for name in StoredAnomaly.__slots__}
    fields["severity"] = anomaly.severity.value
    fields["document"] = orjson.dumps(anomaly.document).decode()
    return fields


def _value(row: Row[Any]) -> StoredAnomaly:
    fields = dict(zip(COLUMNS, row, strict=True))
    fields["severity"] = Severity(fields["severity"])
    fields["document"] = orjson.loads(fields["document"])
    return StoredAnomaly(**fields)


def _split(text: str) -> list[str]:
    return text.split(ROW)


def _same(row: Sequence[Any]) -> Sequence[Any]:
    return row


def _place(row: Sequence[Any]) -> Position:
    return Position(int(row[0]), row[1])


def _position(anomaly: StoredAnomaly) -> Position:
    return Position(anomaly.time, anomaly.id)

"""Anomalies in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import CompoundSelect, Connection, Row, Select, delete, select

from connectors.sql.rows import STATEMENTS, Asked, Values, asked, insert_new, page, paged
from connectors.sql.tables import anomalies as table
from engine.domain.alert_policy import Severity
from engine.domain.control.page import AnomalyFilter, Page, Position
from engine.domain.control.stored_anomaly import StoredAnomaly


class SqlAnomalies:
    """The repository of anomalies."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
        statement = _statement(shape, published=False)
        return page(self._connection, statement, given, behind, limit, _value, _position)

    def documents(self, wanted: AnomalyFilter, behind: Position | None, limit: int) -> Page[str]:
        """Return a page as `find` does, of what was published alone, as JSON."""
        shape, given = asked(wanted, behind)
        statement = _statement(shape, published=True)
        found = page(self._connection, statement, given, behind, limit, _same, _place)
        return Page([row[2] for row in found.items], found.next)

    def prune(self, before: int, at_most: int) -> int:
        """Remove anomalies of earlier event times, up to a limit; return their number."""
        old = select(table.c.id).where(table.c.time < before).limit(at_most)
        return self._connection.execute(delete(table).where(table.c.id.in_(old))).rowcount


# Composing a statement takes longer than finding a page.
@lru_cache(STATEMENTS)
def _statement(shape: Asked, *, published: bool) -> Select[Any] | CompoundSelect[Any]:
    """Return the query of a page: of whole rows, or of what was published alone."""
    keys = table.c.time, table.c.id
    parts = _parts(shape)
    if published:
        parts = [part.with_only_columns(*keys, table.c.document) for part in parts]
    return paged(parts, keys, is_behind=shape.is_behind)


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
    fields = dict(row._mapping)
    fields["severity"] = Severity(fields["severity"])
    fields["document"] = orjson.loads(fields["document"])
    return StoredAnomaly(**fields)


def _same(row: Row[Any]) -> tuple[int, str, str]:
    time, key, document = tuple(row)
    return time, key, document


def _place(row: tuple[int, str, str]) -> Position:
    return Position(row[0], row[1])


def _position(anomaly: StoredAnomaly) -> Position:
    return Position(anomaly.time, anomaly.id)

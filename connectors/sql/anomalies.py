"""Anomalies in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Select, delete, select

from connectors.sql.rows import Values, chosen, insert_new, page
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
        keys = table.c.time, table.c.id
        return page(
            self._connection, _parts(wanted, behind), keys, behind, limit, _value, _position
        )

    def documents(self, wanted: AnomalyFilter, behind: Position | None, limit: int) -> Page[str]:
        """Return a page as `find` does, of what was published alone, as JSON."""
        keys = table.c.time, table.c.id
        whole = _parts(wanted, behind)
        parts = [part.with_only_columns(*keys, table.c.document) for part in whole]
        found = page(self._connection, parts, keys, behind, limit, _same, _place)
        return Page([row.document for row in found.items], found.next)

    def prune(self, before: int, at_most: int) -> int:
        """Remove anomalies of earlier event times, up to a limit; return their number."""
        old = select(table.c.id).where(table.c.time < before).limit(at_most)
        return self._connection.execute(delete(table).where(table.c.id.in_(old))).rowcount


def _parts(wanted: AnomalyFilter, behind: Position | None) -> list[Select[Any]]:
    """Return queries that are each sorted by an index, whatever is asked for."""
    if wanted.incident is not None or wanted.entity is not None:
        return [chosen(table, wanted, table.c.time, behind, ("incident", "entity"))]
    beside = wanted.kind is not None or wanted.pipeline is not None
    if wanted.severity is None and beside:
        each = (replace(wanted, severity=one) for one in Severity)
        return [chosen(table, one, table.c.time, behind) for one in each]
    return [chosen(table, wanted, table.c.time, behind)]


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


def _same(row: Row[Any]) -> Row[Any]:
    return row


def _place(row: Row[Any]) -> Position:
    return Position(row.time, row.id)


def _position(anomaly: StoredAnomaly) -> Position:
    return Position(anomaly.time, anomaly.id)

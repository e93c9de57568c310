"""Backtests in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from connectors.sql.rows import Values, insert_new, page, paged
from connectors.sql.tables import backtest_anomalies, backtests
from engine.domain.control.backtest import Backtest, Found, Stage
from engine.domain.control.page import Page, Position
from engine.domain.control.stored_anomaly import StoredAnomaly, stored_anomaly

RUNNING = (Stage.RUNNING.value, Stage.COLLECTING.value)


class SqlBacktests:
    """The repository of backtests.

    Args:
        connection: of the unit of work.
        locking: whether what is read stays as it is until the end of the unit of work.
    """

    def __init__(self, connection: Connection, *, locking: bool) -> None:
        self._connection = connection
        self._locking = locking

    def _rows(self, statement: Any, given: Values) -> Sequence[Row[Any]]:
        return self._connection.execute(statement, given).all()

    def add(self, backtest: Backtest) -> None:
        """Store a new one."""
        self._connection.execute(insert(backtests), _row(backtest))

    def get(self, backtest_id: str) -> Backtest | None:
        """Return the backtest of an id; within a writing unit of work nobody else changes it."""
        query = select(backtests).where(backtests.c.id == backtest_id)
        row = self._connection.execute(self._locked(query)).first()
        return None if row is None else _backtest(row)

    def save(self, backtest: Backtest) -> None:
        """Store a changed one."""
        row = _row(backtest)
        self._connection.execute(update(backtests).where(backtests.c.id == backtest.id), row)

    def find(self, pipeline: str | None, behind: Position | None, limit: int) -> Page[Backtest]:
        """Return a page of them by the time they were asked for and id, the newest first."""
        query = select(backtests)
        if pipeline is not None:
            query = query.where(backtests.c.pipeline == pipeline)
        keys = backtests.c.created, backtests.c.id
        statement = paged([query], keys, is_behind=behind is not None)
        return page(self._rows, statement, {}, behind, limit, _backtest, _position)

    def next_queued(self) -> Backtest | None:
        """Return the one that has waited for longest, which nobody else takes."""
        queued = backtests.c.stage == Stage.QUEUED.value
        query = select(backtests).where(queued).order_by(backtests.c.created, backtests.c.id)
        query = query.limit(1)
        if self._locking:
            query = query.with_for_update(skip_locked=True)
        row = self._connection.execute(query).first()
        return None if row is None else _backtest(row)

    def waiting(self) -> int:
        """Return how many are queued."""
        queued = backtests.c.stage == Stage.QUEUED.value
        query = select(func.count()).select_from(backtests).where(queued)
        return self._connection.execute(query).scalar_one()

    def running(self, host: str) -> list[Backtest]:
        """Return those that a server runs."""
        ours = (backtests.c.host == host) & backtests.c.stage.in_(RUNNING)
        return list(map(_backtest, self._connection.execute(select(backtests).where(ours))))

    def add_anomalies(self, backtest_id: str, anomalies: Sequence[StoredAnomaly]) -> None:
        """Store anomalies that a backtest found; those that are there stay."""
        rows = [
            {
                "backtest": backtest_id,
                "id": one.id,
                "time": one.time,
                "document": orjson.dumps(one.document).decode(),
            }
            for one in anomalies
        ]
        insert_new(self._connection, backtest_anomalies, rows)

    def anomalies(
        self, backtest_id: str, behind: Position | None, limit: int
    ) -> Page[StoredAnomaly]:
        """Return a page of the anomalies of a backtest by event time and id, the newest first."""
        table = backtest_anomalies
        query = select(table).where(table.c.backtest == backtest_id)
        keys = table.c.time, table.c.id
        statement = paged([query], keys, is_behind=behind is not None)
        return page(self._rows, statement, {}, behind, limit, _anomaly, _place)

    def prune(self, before: int) -> int:
        """Remove those asked for before that are over, with their anomalies; return how many."""
        over = [stage.value for stage in Stage if stage not in (Stage.QUEUED, *RUNNING)]
        old = (backtests.c.created < before) & backtests.c.stage.in_(over)
        gone = select(backtests.c.id).where(old)
        table = backtest_anomalies
        self._connection.execute(delete(table).where(table.c.backtest.in_(gone)))
        return self._connection.execute(delete(backtests).where(old)).rowcount

    def _locked(self, query: Select[Any]) -> Select[Any]:
        return query.with_for_update() if self._locking else query


def _row(backtest: Backtest) -> Values:
    row = {name: getattr(backtest, name) for name in Backtest.__slots__ if name != "found"}
    found = backtest.found
    row["stage"] = backtest.stage.value
    row["anomalies"] = None if found is None else found.anomalies
    row["incidents"] = None if found is None else found.incidents
    row["rejects"] = None if found is None else found.rejects
    return row


def _backtest(row: Row[Any]) -> Backtest:
    fields = dict(row._mapping)
    counts = [fields.pop(name) for name in ("anomalies", "incidents", "rejects")]
    found = None if counts[0] is None else Found(*counts)
    return Backtest(**{**fields, "stage": Stage(fields["stage"]), "found": found})


def _anomaly(row: Row[Any]) -> StoredAnomaly:
    return stored_anomaly(orjson.loads(row.document))


def _position(backtest: Backtest) -> Position:
    return Position(backtest.created, backtest.id)


def _place(anomaly: StoredAnomaly) -> Position:
    return Position(anomaly.time, anomaly.id)

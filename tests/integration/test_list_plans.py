"""How PostgreSQL reads lists: from an index in their order, no more of it than a page needs.

What it chooses depends on what is stored, so some thousands of rows are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from bench.store_content import END, SPAN, fill, key
from connectors.sql.anomalies import SqlAnomalies
from connectors.sql.database import connect
from connectors.sql.incidents import SqlIncidents
from connectors.sql.lanes import SqlLanes
from connectors.sql.migrate import migrate
from engine.domain.control.incident import Status
from engine.domain.control.lane import STEPS
from engine.domain.control.page import AnomalyFilter, IncidentFilter, Position
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.unit.connectors.sql.test_list_indexes import ANOMALIES, INCIDENTS, subsets

STORED = 30_000
PAGE = 50
MOST = 10 * PAGE
"""Rows that a page may read: some of those that have the first value asked for."""
MIDDLE = END - SPAN // 2
PLACES = {"newest": None, "deep": Position(MIDDLE, "5" * 32)}
COMMON = {"pipeline": "slow", "kind": "pattern", "since": 0}


@pytest.fixture(scope="module")
def filled() -> Iterator[Engine]:
    with PostgresServer() as server:
        engine = connect(server.url.replace("postgresql://", "postgresql+psycopg://"), PASSWORD)
        migrate(engine)
        fill(engine, STORED, 0)
        yield engine
        engine.dispose()


@contextmanager
def explained(engine: Engine) -> Iterator[tuple[Connection, list[Any]]]:
    """Return a connection, and the plans of what is asked over it, after it was executed."""
    plans: list[Any] = []

    def explain(
        connection: Connection, _cursor: Any, statement: str, given: Any, *_more: object
    ) -> None:
        if statement.startswith(("SELECT", "(SELECT")):
            explain = "EXPLAIN (ANALYZE, FORMAT JSON) " + statement
            [found] = connection.exec_driver_sql(explain, given).scalar_one()
            plans.append(found["Plan"])

    with engine.connect() as connection:
        event.listen(connection, "before_cursor_execute", explain)
        yield connection, plans


def rows_read(plan: Mapping[str, Any]) -> int:
    """Return how many rows of tables a plan read, with those that it passed over."""
    found = sum(rows_read(part) for part in plan.get("Plans", []))
    if "Relation Name" not in plan:
        return found
    passed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return found + int((plan["Actual Rows"] + passed) * plan["Actual Loops"])


@pytest.mark.parametrize("behind", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("fields", subsets(ANOMALIES | COMMON), ids=" ".join)
def test_a_page_of_anomalies_reads_no_more_than_it_needs(
    filled: Engine, fields: dict[str, Any], behind: Position | None
) -> None:
    with explained(filled) as (connection, plans):
        SqlAnomalies(connection).documents(AnomalyFilter(**fields), behind, PAGE)

    [plan] = plans

    assert rows_read(plan) <= MOST


@pytest.mark.parametrize("behind", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("fields", subsets(INCIDENTS), ids=" ".join)
def test_a_page_of_incidents_reads_no_more_than_it_needs(
    filled: Engine, fields: dict[str, Any], behind: Position | None
) -> None:
    with explained(filled) as (connection, plans):
        SqlIncidents(connection, locking=False).listed(IncidentFilter(**fields), behind, PAGE)

    [plan] = plans

    assert rows_read(plan) <= MOST


@pytest.mark.parametrize("behind", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(
    "fields", [{}, {"pipeline": "quick"}, {"status": Status.RESOLVED}, {"since": 0}], ids=" ".join
)
def test_a_page_of_collapsed_stories_reads_their_incidents_alone(
    filled: Engine, fields: dict[str, Any], behind: Position | None
) -> None:
    wanted = IncidentFilter(**fields, is_collapsed=True)

    with explained(filled) as (connection, plans):
        SqlIncidents(connection, locking=False).listed(wanted, behind, PAGE)

    [plan] = plans
    assert rows_read(plan) <= 2 * MOST


def test_lanes_read_the_cells_of_their_entities_alone(filled: Engine) -> None:
    entities = [key(number) for number in range(PAGE)]

    with explained(filled) as (connection, plans):
        found = SqlLanes(connection).cells("quick", entities, STEPS[1], END - SPAN // 4, END)

    [plan] = plans
    assert len(found) > PAGE
    assert rows_read(plan) == len(found)

"""What SQLite reads: lists from an index in their order, overviews no other times than asked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import Connection

from connectors.sql.anomalies import SqlAnomalies
from connectors.sql.database import connect
from connectors.sql.incidents import SqlIncidents
from connectors.sql.lanes import SqlLanes
from connectors.sql.migrate import migrate
from connectors.sql.series import SqlSeries
from engine.domain.alert_policy import Severity
from engine.domain.control.incident import Status
from engine.domain.control.lane import STEPS
from engine.domain.control.page import AnomalyFilter, IncidentFilter, Position
from engine.domain.control.series import FINE
from engine.domain.control.spans import FIRST, LAST, stretches

BEHIND = Position(5, "a")
ANOMALIES: dict[str, Any] = {
    "pipeline": "quick",
    "entity": "pump-1",
    "incident": "1",
    "kind": "spike",
    "severity": Severity.MAJOR,
    "since": 3,
}
INCIDENTS: dict[str, Any] = {
    "pipeline": "quick",
    "entity": "pump-1",
    "status": Status.OPEN,
    "severity": Severity.MAJOR,
    "assignee": "ada",
    "closed": False,
    "story": "s",
}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('sql') / 'store.db'}", None)
    migrate(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def asked(connection: Connection) -> Iterator[list[str]]:
    """Statements that were executed, with their parameters filled in."""
    found: list[str] = []
    driver: Any = connection.connection.driver_connection
    driver.set_trace_callback(found.append)
    yield found
    driver.set_trace_callback(None)


def plan(connection: Connection, asked: list[str]) -> list[str]:
    """Return how SQLite reads tables for the only statement."""
    [statement] = [one for one in asked if one.startswith("SELECT")]
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
    reads = ("SCAN", "SEARCH", "USE TEMP B-TREE")
    steps = [row.detail for row in rows if row.detail.startswith(reads)]
    # The page that was found, to join its rows to one text.
    return [step for step in steps if step != "SCAN anon_1"]


def subsets(fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {name: fields[name] for name in names}
        for count in range(len(fields) + 1)
        for names in combinations(fields, count)
    ]


@pytest.mark.parametrize("fields", subsets(ANOMALIES), ids=" ".join)
def test_anomalies_are_read_in_the_order_of_an_index(
    connection: Connection, asked: list[str], fields: dict[str, Any]
) -> None:
    SqlAnomalies(connection).documents(AnomalyFilter(**fields), BEHIND, 50)

    steps = plan(connection, asked)

    if "incident" in fields:
        expected = "USING INDEX ix_anomalies_incident (incident=? AND time"
    elif "entity" in fields:
        expected = "USING INDEX ix_anomalies_entity (entity=? AND time"
    else:
        names = [name for name in ("pipeline", "kind", "severity") if name in fields]
        # Merged of a part for each severity.
        if names and "severity" not in fields:
            names = [*names, "severity"]
        index = "_".join([*names, "time_id"])
        equal = " AND ".join(f"{name}=?" for name in names)
        expected = f"USING INDEX ix_anomalies_{index} ({equal}{' AND ' if equal else ''}time"
    assert all(expected in step for step in steps)
    assert len(steps) in (1, 3)


@pytest.mark.parametrize("fields", subsets(INCIDENTS), ids=" ".join)
def test_incidents_are_read_in_the_order_of_an_index(
    connection: Connection, asked: list[str], fields: dict[str, Any]
) -> None:
    SqlIncidents(connection, locking=False).find(IncidentFilter(**fields), BEHIND, 50)

    [step] = plan(connection, asked)

    order = ("story", "entity", "assignee", "status", "closed", "pipeline")
    first = next((name for name in order if name in fields), None)
    equal = "" if first is None else f"{first}=? AND "
    assert f"USING INDEX ix_incidents_{first or 'began'} ({equal}began" in step


@pytest.mark.parametrize("fields", [{}, {"status": Status.OPEN}, INCIDENTS], ids=" ".join)
def test_earlier_incidents_of_a_story_are_looked_up_in_its_index(
    connection: Connection, asked: list[str], fields: dict[str, Any]
) -> None:
    wanted = IncidentFilter(**fields, is_collapsed=True)
    SqlIncidents(connection, locking=False).find(wanted, BEHIND, 50)

    [_, step] = plan(connection, asked)

    assert "INDEX ix_incidents_story (story=? AND began<?)" in step


@pytest.mark.parametrize("hours", [5, 100])
def test_the_worst_entities_of_a_time_are_read_by_the_time(
    connection: Connection, asked: list[str], hours: int
) -> None:
    hour = STEPS[1]
    SqlLanes(connection).worst("quick", stretches(20 * hour, (20 + hours) * hour, STEPS[1:]), 50)

    steps = [step for step in plan(connection, asked) if "lanes" in step]

    index = "ix_lanes_pipeline_step_begin_entity_severity_count_p_value"
    wanted = f"COVERING INDEX {index} (pipeline=? AND step=? AND begin>? AND begin<?)"
    assert steps
    assert all(wanted in step for step in steps)


def test_the_worst_entities_ever_are_read_in_their_order(
    connection: Connection, asked: list[str]
) -> None:
    SqlLanes(connection).worst("quick", stretches(FIRST, LAST, STEPS[2:]), 50)

    [first, *_] = plan(connection, asked)

    assert "USING PRIMARY KEY (pipeline=? AND step=?)" in first


def test_the_entities_nearest_to_alerting_are_read_by_the_time(
    connection: Connection, asked: list[str]
) -> None:
    SqlSeries(connection).rarest("quick", FINE, 5, 50)

    [first, *_] = plan(connection, asked)

    index = "ix_series_pipeline_step_value_begin_entity_rarity"
    assert f"COVERING INDEX {index} (pipeline=? AND step=? AND value=? AND begin>?)" in first

"""Entities over the API: searched by key, the worst first, as lanes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.application.control.ingest import ingest
from engine.application.control.memory_store import MemoryStore
from engine.domain.control.role import Role
from tests.support.published import BEGAN, SECOND, anomaly
from tests.unit.presentation.api.conftest import Ask

PATH = "/pipelines/quick"
HOUR = 3_600 * SECOND


@pytest.fixture(autouse=True)
def more(store: MemoryStore) -> None:
    with store.writing() as work:
        ingest(work, [anomaly(n, entity=f"press-{n}") for n in range(100, 105)])
        worst = {"entity": "press-100", "severity": "critical", "p_value": 1e-12}
        ingest(work, [anomaly(200, time_ns=BEGAN - 3 * HOUR, **worst)])


def test_entities_are_searched_by_the_beginning_of_their_keys(ask: Ask) -> None:
    seen: list[str] = []
    path = f"{PATH}/entities?prefix=press&limit=2"
    while path:
        found = ask("get", path, Role.VIEWER)
        seen += [one["entity"] for one in found.json()["items"]]
        path = found.links["next"]["url"].removeprefix("/api/v1") if found.links else ""

    assert seen == [f"press-{n}" for n in range(100, 105)]


def test_the_worst_entities_come_first(ask: Ask) -> None:
    found = ask("get", f"{PATH}/entities?order=worst&limit=2").json()["items"]

    assert [one["entity"] for one in found] == ["press-100", "pump-1"]
    assert (found[0]["severity"], found[0]["anomalies"]) == ("critical", 2)
    assert found[0]["rarity"] == pytest.approx(12)


@pytest.mark.parametrize(
    "path",
    [
        "entities?prefix=night",
        "entities?order=worst",
        "entities?since=2026-11-28T07:00:00Z",
        "lanes?since=2026-11-27T00:00:00Z&until=2026-12-01T00:00:00Z",
    ],
)
def test_the_last_anomaly_is_shown_with_its_hour(ask: Ask, store: MemoryStore, path: str) -> None:
    noon = int(datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()) * SECOND
    times = {201: noon - HOUR, 202: noon + 60 * SECOND, 203: noon - 24 * HOUR}
    with store.writing() as work:
        ingest(work, [anomaly(n, entity="night", time_ns=time) for n, time in times.items()])

    found = ask("get", f"{PATH}/{path}").json()["items"]

    [last] = [one["last"] for one in found if one["entity"] == "night"]
    assert last == "2026-11-29T12:00:00Z"


def test_lanes_have_the_anomalies_of_each_span(ask: Ask) -> None:
    found = ask("get", f"{PATH}/lanes?limit=1").json()

    [lane] = found["items"]
    assert lane["entity"] == "press-100"
    assert [(one["anomalies"], one["severity"]) for one in lane["cells"]] == [
        (1, "critical"),
        (1, "major"),
    ]
    assert lane["cells"][0]["begin"] >= found["since"]


def test_lanes_of_a_longer_span_are_sums(ask: Ask) -> None:
    until = "2027-01-01T00:00:00Z"

    found = ask("get", f"{PATH}/lanes?limit=1&step=172800&until={until}&since=2026-11-01T00:00:00Z")

    cells = found.json()["items"][0]["cells"]
    assert sum(one["anomalies"] for one in cells) == 2


@pytest.mark.parametrize(
    "path",
    [
        "lanes?step=31536000&until=2026-12-01T00:00:00Z&",
        "entities?",
        "entities?order=worst&",
    ],
)
def test_the_first_times_can_be_asked_for(ask: Ask, path: str) -> None:
    found = ask("get", f"{PATH}/{path}since=1677-09-21T00:12:44Z")

    assert found.status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("step=301", "/query/step"),
        ("step=300&limit=500", "/query"),
        ("until=2020-01-01T00:00:00Z&since=2021-01-01T00:00:00Z", "/query"),
    ],
)
def test_lanes_that_do_not_fit_are_reported(ask: Ask, query: str, pointer: str) -> None:
    found = ask("get", f"{PATH}/lanes?{query}")

    assert found.status_code == 422
    assert [one["pointer"] for one in found.json()["errors"]] == [pointer]


@pytest.mark.parametrize("path", ["entities", "lanes", "series?entity=pump-1"])
def test_a_name_that_no_pipeline_can_have_is_refused(ask: Ask, path: str) -> None:
    found = ask("get", f"/pipelines/{'a' * 101}/{path}")

    assert found.status_code == 422
    assert found.json()["errors"][0]["pointer"] == "/path/pipeline"

"""Series over the API: downsampled values with their range, and the nearest to alerting."""

from __future__ import annotations

from typing import Any

import pytest

from engine.application.control.ingest_scores import ingest_scores
from engine.application.control.memory_store import MemoryStore
from engine.domain.control.role import Role
from tests.support.published import BEGAN, SECOND
from tests.unit.presentation.api.conftest import Ask

PATH = "/pipelines/quick"
BEGIN = BEGAN - BEGAN % (3_600 * SECOND)
DAY = "since=2026-11-30T00:00:00Z&until=2026-12-01T00:00:00Z"


def score(second: int, value: float | None, p_value: float | None, **more: Any) -> dict[str, Any]:
    expected = {"expected": 2.0, "low": 1.0, "high": 3.0 + second}
    return {
        "id": "a",
        "pipeline": "quick",
        "entity": "pump-1",
        "time_ns": BEGIN + second * SECOND,
        "p_value": p_value,
        "values": [{"name": "temperature", "value": value, **expected}],
        "detectors": [],
        **more,
    }


@pytest.fixture(autouse=True)
def scores(store: MemoryStore) -> None:
    with store.writing() as work:
        ingest_scores(work, [score(0, 2.0, 0.1), score(1, 4.0, 1e-3)])
    with store.writing() as work:
        more = [score(2, None, None), score(60, 9.0, 1e-5), score(5, 1.0, 1e-2, entity="pump-2")]
        found = ingest_scores(work, [*more, score(3, 1.0, 0.5, values=None)])
    assert found.unreadable == ["values: expected a list"]


def test_values_are_downsampled_with_their_range(ask: Ask) -> None:
    found = ask("get", f"{PATH}/series?entity=pump-1&{DAY}", Role.VIEWER).json()

    [value] = found["values"]
    first, second = value["points"]
    assert value["name"] == "temperature"
    assert (first["count"], first["min"], first["max"], first["mean"]) == (2, 2.0, 4.0, 3.0)
    assert (first["low"], first["high"]) == (1.0, 4.0)
    assert second["mean"] == 9.0
    assert [one["events"] for one in found["events"]] == [3, 1]
    assert [one["rarity"] for one in found["events"]] == pytest.approx([3, 5])


@pytest.mark.parametrize("step", [3_600, 86_400])
def test_longer_spans_are_made_of_shorter_ones(ask: Ask, step: int) -> None:
    found = ask("get", f"{PATH}/series?entity=pump-1&{DAY}&step={step}").json()

    [point] = found["values"][0]["points"]
    assert (point["count"], point["min"], point["max"], point["mean"]) == (3, 2.0, 9.0, 5.0)


def test_the_entities_nearest_to_alerting_come_first(ask: Ask) -> None:
    found = ask("get", f"{PATH}/nearest?since=2026-11-30T00:00:00Z").json()["items"]

    assert [one["entity"] for one in found] == ["pump-1", "pump-2"]
    assert [one["rarity"] for one in found] == pytest.approx([5, 2])


def test_sums_beyond_floats_have_a_mean(ask: Ask, store: MemoryStore) -> None:
    with store.writing() as work:
        ingest_scores(work, [score(0, 1.7e308, 0.1, entity="far")] * 2)

    found = ask("get", f"{PATH}/series?entity=far&{DAY}").json()

    assert found["values"][0]["points"][0]["mean"] == 1.7e308


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("step=90", "/query/step"), ("step=60&since=2020-01-01T00:00:00Z", "/query")],
)
def test_series_that_do_not_fit_are_reported(ask: Ask, query: str, pointer: str) -> None:
    found = ask("get", f"{PATH}/series?entity=pump-1&{query}")

    assert found.status_code == 422
    assert [one["pointer"] for one in found.json()["errors"]] == [pointer]

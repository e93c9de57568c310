"""`alert.context`: the last values of the value to blame, beside an anomaly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application import registry
from engine.application.ports import RunContext, TaskStep
from engine.domain.alert_policy import Budget, FalseDiscoveryRate, PValueThreshold, ScoreThreshold
from engine.domain.anomaly import Anomaly
from engine.domain.anomaly_schema import ANOMALY_SCHEMA
from engine.domain.batch import EventBatch
from engine.domain.pipeline import Pipeline
from engine.domain.value_rule import ValueRule
from operators.alert.step import alert_step
from operators.detect.memory_share import entity_bytes
from operators.detect.step import detect_step
from operators.publish import anomaly_record
from tests.unit.application.config.schema_check import fits
from tests.unit.operators.pipelines import SECOND, cut, events, noise, pipeline

CONTEXT = RunContext("plant")


def spec(length: int = 4, **changes: Any) -> Pipeline:
    return pipeline(partitions=1, context=length, **changes)


def detect(chosen: Pipeline, stored: bytes | None = None) -> TaskStep:
    step = detect_step(chosen, CONTEXT)(1)
    if stored is not None:
        step.restore(stored)
    return step


def anomalies(chosen: Pipeline, *batches: EventBatch, step: Any = None) -> list[Anomaly]:
    alert, found = alert_step(chosen, CONTEXT)(1), step or detect(chosen)
    published = alert.process([one for batch in batches for one in found.process([batch])])
    return [one for some in published for one in some if isinstance(one, Anomaly)]


def faulty(entities: int = 1) -> EventBatch:
    batch = noise(3, 2_000, entities=entities)
    batch.values[1_500] = [20, 90]
    return batch


def test_an_anomaly_shows_the_last_values_of_the_value_to_blame() -> None:
    batch = faulty()

    (found,) = anomalies(spec(), batch)

    assert found.context == tuple(batch.values[1_496:1_500, 1].tolist())


@pytest.mark.parametrize(
    "policy",
    [Budget(10.0), PValueThreshold(1e-6), FalseDiscoveryRate(0.1), ScoreThreshold("zscore", 10.0)],
)
def test_every_policy_has_it(policy: Any) -> None:
    batch = faulty()

    found = [one for one in anomalies(spec(alert=policy), batch) if one.origin.offset == 1_500]

    assert [one.context for one in found] == [tuple(batch.values[1_496:1_500, 1].tolist())]


def test_one_found_by_its_range_has_it_from_the_first_events_on() -> None:
    rules = (ValueRule(low=0.0, high=30.0), None)
    batch = events(["a"] * 3, [[20, 1], [np.nan, 2], [40, 3]])

    (found,) = anomalies(spec(rules=rules), batch)

    assert found.context == (20.0, None)


def test_a_late_event_is_no_part_of_it() -> None:
    batch = faulty()
    batch.times[1_498] -= 3_600 * SECOND

    (found,) = anomalies(spec(lateness=60 * SECOND), batch)

    assert found.context == tuple(batch.values[[1_495, 1_496, 1_497, 1_499], 1].tolist())


def test_it_is_published_as_described_and_only_where_it_was_asked_for() -> None:
    (shown,) = anomalies(spec(), faulty())
    (plain,) = anomalies(spec(0), faulty())
    document = orjson.loads(anomaly_record(shown).value or b"")

    assert fits(document, ANOMALY_SCHEMA, ANOMALY_SCHEMA)
    assert len(document["context"]) == 4
    assert "context" not in orjson.loads(anomaly_record(plain).value or b"")
    assert replace(shown, context=None) == plain


def test_its_bytes_are_counted() -> None:
    assert entity_bytes(spec(32)) == entity_bytes(spec(0)) + 8 + 32 * 2 * 8


@pytest.mark.parametrize(("before", "after"), [(8, 3), (3, 8), (0, 3)])
def test_another_length_keeps_the_newest_values(before: int, after: int) -> None:
    batch = faulty()
    first = detect(spec(before))
    first.process([batch.take(slice(0, 1_500))])

    step = detect(spec(after), first.dump())
    (found,) = anomalies(spec(after), batch.take(slice(1_500, None)), step=step)

    kept = min(before, after)
    assert found.context == tuple(batch.values[1_500 - kept : 1_500, 1].tolist())


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 2_000), max_size=5), at=st.integers(1, 1_999))
def test_neither_cuts_nor_a_snapshot_change_anything(cuts: list[int], at: int) -> None:
    rate = registry.detector_family("zscore").create("zscore", {"warm_up": 20}, ["a", "b"])
    chosen = spec(detectors=(rate,), alert=PValueThreshold(5e-2))
    batch = faulty(entities=5)
    whole = [one.context for one in anomalies(chosen, batch)]

    in_parts = [one.context for one in anomalies(chosen, *cut(batch, cuts))]
    first = detect(chosen)
    head = [one.context for one in anomalies(chosen, batch.take(slice(0, at)), step=first)]
    second = detect(chosen, first.dump())
    tail = [one.context for one in anomalies(chosen, batch.take(slice(at, None)), step=second)]

    assert len(whole) > 10
    assert in_parts == whole
    assert head + tail == whole

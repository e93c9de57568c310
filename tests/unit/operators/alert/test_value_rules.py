"""Rules of values in the steps: they gate alerts, and never change a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.domain.alert_policy import Budget, FalseDiscoveryRate, PValueThreshold, Severity
from engine.domain.anomaly import Anomaly
from engine.domain.anomaly_schema import ANOMALY_SCHEMA
from engine.domain.batch import EventBatch
from engine.domain.pipeline import Pipeline
from engine.domain.value_rule import ValueRule
from operators.alert.step import alert_step
from operators.detect.step import detect_step
from operators.publish import anomaly_record
from tests.unit.application.config.schema_check import fits
from tests.unit.operators.alert.test_step import run, step_of
from tests.unit.operators.pipelines import START, cut, events, joined, noise, pipeline, scored

NAN = np.nan
ABOVE, VALID = ValueRule("above"), ValueRule(low=0.0, high=80.0)


def flagged(values: Any, p_values: Any, **changes: Any) -> Any:
    """Events that the detectors flag, 20 is expected of each value, with 6 on either side."""
    batch = events(["press"] * len(values), values, START + np.arange(len(values)))
    return scored(batch, p_values, **changes)


def found_by(rules: tuple[ValueRule | None, ...], batch: Any, **changes: Any) -> list[Anomaly]:
    return run(step_of(pipeline(rules=rules, **changes)), batch)


def test_a_deviation_in_the_other_direction_is_left_out_and_counted() -> None:
    context = RunContext("plant")
    spec = pipeline(rules=(ABOVE, None))
    batch = flagged([[60, 20], [-60, 20]], [1e-9, 1e-9])

    found = run(step_of(spec, context=context), batch)

    assert [anomaly.origin.offset for anomaly in found] == [0]
    assert found[0].rule == {"value": "a", "direction": "above"}
    counted = context.telemetry.registry.get_sample_value
    assert counted("pynomaly_anomalies_muted_total", {"by": "direction"}) == 1


def test_another_value_that_has_most_of_an_anomaly_is_not_left_out() -> None:
    batch = flagged([[10, 60]], [1e-9])

    found = found_by((ABOVE, None), batch)

    assert len(found) == 1
    assert found[0].rule is None, "the value to blame has no rule"


def test_a_small_deviation_is_left_out() -> None:
    rules = (ValueRule(absolute=50.0), None)
    batch = flagged([[60, 20], [71, 20]], [1e-9, 1e-9])

    found = found_by(rules, batch)

    assert [anomaly.origin.offset for anomaly in found] == [1]
    assert found[0].rule == {
        "value": "a",
        "direction": "both",
        "min_deviation": {"absolute": 50.0},
    }


@pytest.mark.parametrize(
    "policy", [PValueThreshold(1e-6), Budget(10.0), FalseDiscoveryRate(0.1)], ids=str
)
def test_a_value_outside_of_its_valid_range_is_an_anomaly_at_once(policy: Any) -> None:
    batch = flagged([[80, -5], [80.5, 20], [NAN, 20]], [NAN, NAN, NAN], rates=np.full(3, NAN))

    found = found_by((VALID, None), batch, alert=policy)

    assert [anomaly.origin.offset for anomaly in found] == [1]
    (anomaly,) = found
    assert (anomaly.kind, anomaly.severity) == ("out_of_range", Severity.MAJOR)
    assert anomaly.rule == {"value": "a", "valid_range": [0.0, 80.0]}
    assert anomaly.values[0].expected_high == 80.0
    assert [part.contribution for part in anomaly.values] == [1.0, 0.0]
    assert anomaly.summary == "a 80.5 is outside of the valid range 0 to 80"
    assert anomaly.threshold is None


def test_a_value_that_stays_outside_is_one_message_under_a_budget() -> None:
    batch = flagged(np.full((50, 2), 90.0), np.full(50, NAN))

    found = found_by((VALID, VALID), batch, alert=Budget(10.0))

    assert len(found) == 1
    assert [part.contribution for part in found[0].values] == [0.5, 0.5]


def test_anomalies_of_rules_are_published_by_the_schema() -> None:
    batch = flagged([[60, 20], [90, 20]], [1e-9, NAN])

    found = found_by((ValueRule("above", 1.0, 0.1, 0.0, 80.0), None), batch)

    documents = [orjson.loads(anomaly_record(anomaly).value or b"") for anomaly in found]

    assert [d["rule"].get("valid_range") for d in documents] == [None, [0.0, 80.0]]
    assert all(fits(document, ANOMALY_SCHEMA, ANOMALY_SCHEMA) for document in documents)


def test_what_the_budget_promised_was_spent_does_not_count_valid_ranges() -> None:
    context = RunContext("plant")
    spec = pipeline(rules=(VALID, None), alert=Budget(10.0))

    run(step_of(spec, context=context), flagged([[90, 20]], [NAN]))

    assert context.telemetry.registry.get_sample_value("pynomaly_alerts_emitted_total") == 0


def whole_run(spec: Pipeline, parts: list[EventBatch], restart: int) -> tuple[Any, list[Anomaly]]:
    """All p-values and anomalies, with a restart from dumped state before that batch."""
    context = RunContext("plant")
    detect = detect_step(spec, context)(spec.partitions)
    alert = alert_step(spec, context)(spec.partitions)
    found: list[Anomaly] = []
    scores = []
    for number, part in enumerate(parts):
        if number == restart:
            stored = detect.dump(), alert.dump()
            detect = detect_step(spec, context)(spec.partitions)
            alert = alert_step(spec, context)(spec.partitions)
            detect.restore(stored[0])
            alert.restore(stored[1])
        scored_parts = detect.process([part])
        scores += scored_parts
        found += [anomaly for item in alert.process(scored_parts) for anomaly in item]
    return joined(scores, "p_value"), found


def faulty(seed: int) -> EventBatch:
    batch = noise(seed, 2_000)
    batch.values[400::90, 0] += 40
    batch.values[430::110, 1] -= 40
    batch.values[470::200, 0] = -1
    return batch


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(1, 1_999), max_size=5))
def test_rules_change_no_score_and_no_cut_changes_what_they_find(
    seed: int, cuts: list[int]
) -> None:
    batch = faulty(seed)
    spec = pipeline(rules=(ValueRule("above", 3.0, 0.0, 0.0, 80.0), ValueRule("below")))
    plain, without = whole_run(pipeline(), [batch], -1)

    scores, found = whole_run(spec, [batch], -1)
    again, same = whole_run(spec, cut(batch, cuts), len(cuts) // 2)

    np.testing.assert_array_equal(scores, plain)
    np.testing.assert_array_equal(again, plain)

    assert same == found
    assert found
    assert {one.id for one in found} != {one.id for one in without}

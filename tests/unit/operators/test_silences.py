"""Silences in the steps: what they mute is counted, and not learned from unless asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.domain.alert_policy import Budget, FalseDiscoveryRate, PValueThreshold
from engine.domain.anomaly import Anomaly
from engine.domain.anomaly_schema import ANOMALY_SCHEMA
from engine.domain.pipeline import Pipeline
from engine.domain.silence import Silence
from operators.detect.step import detect_step
from operators.publish import anomaly_record
from operators.silences import Silences
from tests.unit.application.config.schema_check import fits
from tests.unit.operators.alert.test_step import run, step_of
from tests.unit.operators.detect.test_absence import (
    HOUR,
    anomalies_and_incidents,
    fleet,
    spec,
    without,
)
from tests.unit.operators.pipelines import SECOND, START, cut, events, joined, pipeline, scored


def faults(keys: list[str], seconds: list[int]) -> Any:
    batch = events(keys, [[60, 20]] * len(keys), START + np.array(seconds) * SECOND)
    return scored(batch, [1e-9] * len(keys))


def offsets(found: list[Anomaly]) -> list[int]:
    return [anomaly.origin.offset for anomaly in found]


@pytest.mark.parametrize("policy", [PValueThreshold(1e-6), Budget(10.0), FalseDiscoveryRate(0.1)])
def test_anomalies_in_a_silence_are_left_out_and_counted(policy: Any) -> None:
    context = RunContext("plant")
    silence = Silence("works", begin=START + 10 * SECOND, end=START + 20 * SECOND)
    step = step_of(pipeline(silences=(silence,), alert=policy), context=context)

    found = run(step, faults(["a", "a", "b", "c"], [10, 19, 20, 5]))

    assert offsets(found) == [2, 3]
    counted = context.telemetry.registry.get_sample_value
    assert counted("pynomaly_anomalies_muted_total", {"by": "silence"}) == 2


def test_a_silence_is_of_the_entities_whose_keys_fit() -> None:
    silence = Silence("works", entities=("press-?/*", "oven"))

    found = run(
        step_of(pipeline(silences=(silence,))),
        faults(["press-1/a", "press-12/a", "oven", "ovens"], [0, 1, 2, 3]),
    )

    assert offsets(found) == [1, 3]


def test_a_silence_of_a_value_holds_for_anomalies_it_is_to_blame_for() -> None:
    by_a, by_b = Silence("a", values=frozenset({"a"})), Silence("b", values=frozenset({"b"}))
    batch = faults(["x"], [0])

    assert offsets(run(step_of(pipeline(silences=(by_a,))), batch)) == []
    assert offsets(run(step_of(pipeline(silences=(by_b,))), batch)) == [0]


def test_what_is_muted_is_published_if_asked_and_is_no_incident() -> None:
    silence = Silence("works", publish=True, end=START + 2 * SECOND)

    found = run(step_of(pipeline(silences=(silence,))), faults(["a", "a", "a"], [0, 1, 2]))

    assert [one.suppressed_by for one in found] == ["works", "works", None]
    assert found[2].incident == found[2].id, "the incident begins after the silence"
    document = orjson.loads(anomaly_record(found[0]).value or b"")
    assert document["suppressed_by"] == "works"
    assert fits(document, ANOMALY_SCHEMA, ANOMALY_SCHEMA)


def level(chosen: Pipeline) -> float:
    """What is expected of an entity after a silence in which its values were others."""
    n = 400
    values = np.random.default_rng(1).normal(20, 2, (n, 2))
    values[200:300] += 30
    batch = events(["a"] * n, values)
    parts = detect_step(chosen, RunContext("plant"))(1).process([batch])
    return float(joined(parts, "centers")[-1, 0])


def test_what_is_silenced_is_not_learned_from_unless_asked() -> None:
    silence = Silence("works", begin=START + 200 * SECOND, end=START + 300 * SECOND)

    kept, learned = level(pipeline(silences=(silence,))), level(pipeline())
    asked = level(pipeline(silences=(replace(silence, learn=True),)))

    assert kept == pytest.approx(20, abs=1)
    assert learned > kept + 1
    assert asked == learned


def test_no_silence_costs_nothing() -> None:
    assert Silences(()).unlearned(faults(["a"], [0]).events) is None


def absent(silence: Silence) -> list[tuple[str, float]]:
    """Absences in hours: one entity stops after two hours, and is back after six."""
    numbers, times = fleet(5, 8 * HOUR)
    gone = (numbers == 2) & (times > 2 * HOUR) & (times < 6 * HOUR)
    chosen = spec(after=600, silences=(silence,))
    found = anomalies_and_incidents(chosen, [without(numbers, times, lambda _n, _t: gone)])
    anomalies = [one for one in found if isinstance(one, Anomaly) and one.kind == "absence"]
    return [(one.entity, (one.time - START) / SECOND / HOUR) for one in anomalies]


def test_an_absence_that_outlasts_its_silence_is_reported_when_it_ends() -> None:
    silence = Silence("works", begin=START + HOUR * SECOND, end=START + 4 * HOUR * SECOND)

    ((entity, hour),) = absent(silence)

    assert entity == "s2"
    assert hour == pytest.approx(4, abs=0.01)


def test_an_absence_within_a_silence_is_not_reported() -> None:
    assert absent(Silence("works", begin=START, end=START + 7 * HOUR * SECOND)) == []


@settings(max_examples=10, deadline=None)
@given(
    bounds=st.lists(st.integers(0, 4_000), min_size=2, max_size=4, unique=True),
    cuts=st.lists(st.integers(1, 1_499), min_size=1, max_size=4),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_no_cut_and_no_restart_changes_what_is_silenced(
    bounds: list[int], cuts: list[int], flags: tuple[bool, bool]
) -> None:
    edges = [START + second * SECOND for second in sorted(bounds)]
    publish, learn = flags
    silences = [Silence("1", ("s1", "s2"), begin=edges[0], end=edges[1], publish=publish)]
    silences += [Silence("2", begin=edges[-2], end=edges[-1], learn=learn)]
    rng = np.random.default_rng(sum(bounds))
    numbers, times = rng.integers(0, 4, 1_500), rng.exponential(2.5, 1_500).cumsum()
    batch = without(numbers, times, lambda n, t: (n == 1) & (t > 900) & (t < 2_500))
    batch.values[300::70] += 60
    chosen = spec(after=120, silences=tuple(silences), alert=PValueThreshold(1e-6))

    at_once = anomalies_and_incidents(chosen, [batch])
    in_parts = anomalies_and_incidents(
        chosen, cut(batch, [one for one in cuts if one < len(batch)]), restarts=True
    )

    assert in_parts == at_once

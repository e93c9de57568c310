"""Forget a period: models go back to an earlier state, as if the period had not been learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.application import registry
from engine.application.ports import RunContext
from engine.domain import snapshot
from engine.domain.batch import EventBatch, ScoredBatch
from engine.domain.control_change import ControlChange, Forget
from engine.domain.pipeline import Pipeline
from engine.domain.silence import Silence
from operators.detect.step import DetectStep, detect_step
from tests.unit.operators.detect.test_step import Sum
from tests.unit.operators.pipelines import SECOND, START, joined, noise, pipeline

N = 3_000
BAD, GOOD = START + N * SECOND, START + 2 * N * SECOND
"""Begin and end of the period that is forgotten."""
COLUMNS = ("centers", "scales", "scores", "p_values", "p_value")


def stream(n: int = N) -> tuple[EventBatch, EventBatch, EventBatch]:
    """Normal events, wrong ones, and normal ones again: `n` of each."""
    whole = noise(7, 3 * n)
    before, bad, after = (whole.take(slice(k * n, (k + 1) * n)) for k in range(3))
    return before, replace(bad, values=bad.values * 9 + 40), after


def of(*detectors: tuple[str, dict[str, Any]], **changes: Any) -> Pipeline:
    made = [
        registry.detector_family(name).create(name, settings, ("a", "b"))
        for name, settings in detectors
    ]
    return pipeline(detectors=tuple(made), **changes)


def step_of(spec: Pipeline) -> DetectStep:
    made = detect_step(spec, RunContext("plant"))(spec.partitions)
    assert isinstance(made, DetectStep)
    return made


def forget(step: DetectStep, entities: str, earlier: Sequence[bytes], begin: int = BAD) -> None:
    change = Forget("forget-1", (entities,), begin)
    step.control(ControlChange(forgets=(change,), earlier=lambda: iter(earlier)))


def of_entity(scored: list[ScoredBatch], key: str, column: str) -> Any:
    keys = np.concatenate([batch.events.keys for batch in scored])
    return joined(scored, column)[keys == key]


@pytest.mark.parametrize(
    ("detectors", "n"),
    [
        pytest.param([("auto", {})], N, id="auto"),
        pytest.param([("zscore", {}), ("half_space_trees", {})], N, id="native"),
        pytest.param([("river.GaussianScorer", {"window_size": 50})], N, id="river"),
        # It is slow, and warm after a window.
        pytest.param([("pyod.ECOD", {"window": 100})], 600, id="pyod"),
    ],
)
def test_scores_as_if_the_period_had_not_been_learned(
    detectors: list[tuple[str, dict[str, Any]]], n: int
) -> None:
    spec = of(*detectors)
    before, bad, after = stream(n)
    begin, end = START + n * SECOND, START + 2 * n * SECOND
    learned, paused = step_of(spec), step_of(spec)
    for step in (learned, paused):
        step.process([before])
    earlier = learned.dump()
    pause = Silence("pause-1", ("*",), begin=begin, end=end, mutes=False)
    paused.control(ControlChange((pause,)))
    learned.process([bad])
    paused.process([bad])

    forget(learned, "*", [earlier], begin)

    found, expected = learned.process([after]), paused.process([after])
    for column in COLUMNS:
        assert np.array_equal(joined(found, column), joined(expected, column), equal_nan=True)
    assert np.isfinite(joined(found, "p_value")).all()


def test_the_newest_state_from_before_the_period_counts() -> None:
    before, bad, after = stream()
    step = step_of(of(("zscore", {})))
    states = []
    for part in (before.take(slice(0, 1_000)), before.take(slice(1_000, N)), bad):
        step.process([part])
        states.append(step.dump())
    expected = step_of(of(("zscore", {})))
    expected.process([before])

    forget(step, "*", states[::-1])

    found, other = step.process([after]), expected.process([after])
    assert np.array_equal(joined(found, "centers"), joined(other, "centers"))


def test_entities_without_an_earlier_state_start_afresh() -> None:
    before, bad, after = stream()
    step = step_of(of(("zscore", {})))
    step.process([before])
    step.process([bad])

    forget(step, "press-1", [])

    found = step.process([after])
    assert np.isnan(of_entity(found, "press-1", "p_value")[0])
    assert np.isfinite(of_entity(found, "press-2", "p_value")).all()


def test_others_and_those_without_an_event_of_the_period_stay_as_they_are() -> None:
    before, bad, after = stream()
    spec = of(("zscore", {}))
    step, untouched = step_of(spec), step_of(spec)
    step.process([before])
    earlier = step.dump()
    only = bad.take(np.flatnonzero(bad.keys != "press-2"))
    step.process([only])
    untouched.process([before])
    untouched.process([only])

    forget(step, "press-[02]", [earlier])

    found, expected = step.process([after]), untouched.process([after])
    for key in ("press-1", "press-2"):
        one, other = (of_entity(each, key, "centers") for each in (found, expected))
        assert np.array_equal(one, other)
    assert of_entity(found, "press-0", "centers")[0, 0] < 30
    assert of_entity(expected, "press-0", "centers")[0, 0] > 30


def test_a_bank_that_cannot_copy_starts_afresh() -> None:
    before, bad, _ = stream()
    step = step_of(pipeline(detectors=(Sum(),)))
    step.process([before])
    earlier = step.dump()
    step.process([bad])

    forget(step, "*", [earlier])

    state = snapshot.decode("detect", step.dump())
    assert not np.asarray(state["0.sum/learned"]).any()


def test_an_earlier_state_that_is_damaged_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    before, bad, after = stream()
    step = step_of(of(("zscore", {})))
    step.process([before])
    earlier = step.dump()
    step.process([bad])

    forget(step, "*", [earlier[:-9], earlier])

    assert "an earlier state is left out" in caplog.text
    assert np.isfinite(joined(step.process([after]), "p_value")).all()

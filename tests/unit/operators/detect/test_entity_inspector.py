"""The inspector returns what is known of an entity, and changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.application import registry
from engine.application.ports import RunContext
from engine.domain.pipeline import Pipeline
from operators.detect.step import DetectStep, detect_step
from tests.unit.operators.pipelines import SECOND, START, noise, pipeline


def _of(*detectors: str) -> Pipeline:
    made = tuple(registry.detector_family(n).create(n, {}, ("a", "b")) for n in detectors)
    return replace(pipeline(detectors=made), combine="weighted")


def _fed(spec: Pipeline, count: int) -> DetectStep:
    step = detect_step(spec, RunContext("plant"))(1)
    assert isinstance(step, DetectStep)
    step.process([noise(1, count, entities=1)])
    return step


@pytest.mark.parametrize("detector", ["auto", "zscore"])
def test_says_what_is_expected_next(detector: str) -> None:
    step = _fed(_of(detector), 600)

    report = step.report("press-0")

    assert report is not None
    assert report.warm
    assert report.events == 600
    assert report.newest == START + 599 * SECOND
    assert report.rate == pytest.approx(86_400, rel=1e-6)
    for value in report.values:
        assert value.low is not None
        assert value.high is not None
        assert value.low < 20 < value.high
        assert value.high - value.low < 24


def test_knows_the_newest_values_where_the_context_notes_them() -> None:
    spec = replace(_of("zscore"), context=4)
    step = _fed(spec, 600)

    report = step.report("press-0")

    assert report is not None
    expected = noise(1, 600, entities=1).values[-1].tolist()
    assert [one.last for one in report.natures] == expected
    assert [one.season for one in report.natures] == ["", ""]


def test_says_that_too_little_came() -> None:
    report = _fed(pipeline(), 3).report("press-0")

    assert report is not None
    assert not report.warm
    assert report.events == 3
    assert all(detector.warm_up > 3 for detector in report.detectors)


def test_knows_nothing_of_an_entity_that_never_came() -> None:
    step = _fed(pipeline(), 3)

    assert step.report("press-1") is None
    assert step.entities() == ["press-0"]


@pytest.mark.parametrize("detectors", [("auto",), ("zscore", "half_space_trees")])
def test_a_report_changes_nothing(detectors: tuple[str, ...]) -> None:
    spec = _of(*detectors)
    asked, left_alone = _fed(spec, 500), _fed(spec, 500)

    asked.report("press-0")

    assert asked.dump() == left_alone.dump()


def test_says_the_weights_that_were_learned() -> None:
    report = _fed(_of("zscore", "half_space_trees"), 600).report("press-0")

    assert report is not None
    weights = [detector.weight or 0.0 for detector in report.detectors]
    assert sum(weights) == pytest.approx(1.0)

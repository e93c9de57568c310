"""Reset an entity: its models start afresh, and what the state knows of it besides stays."""

from __future__ import annotations

import pytest

from engine.domain.control_change import ControlChange, Reset
from tests.unit.operators.detect.test_forget_period import of, step_of
from tests.unit.operators.pipelines import noise


def test_count_and_newest_time_stay_and_the_log_says_how_many(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "pynomaly.detect")
    step = step_of(of(("zscore", {})))
    step.process([noise(7, 3_000)])
    (key, *others) = step.entities()
    before = step.report(key)
    assert before is not None
    assert before.detectors[0].warm

    step.control(ControlChange(resets=(Reset((key,)), Reset(("nobody",)))))

    after = step.report(key)
    assert after is not None
    assert not after.detectors[0].warm
    assert (after.events, after.newest) == (before.events, before.newest)
    for other in others:
        report = step.report(other)
        assert report is not None
        assert report.detectors[0].warm
    assert [one.getMessage() for one in caplog.records] == [f"reset of {key}: 1 start afresh"]

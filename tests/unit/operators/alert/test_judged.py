"""Feedback in the alert step."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.domain.anomaly_schema import ANOMALY_SCHEMA
from engine.domain.control_change import ControlChange
from engine.domain.feedback import Feedback
from operators.alert.judged import case_of
from operators.publish import anomaly_record
from tests.unit.application.config.schema_check import fits
from tests.unit.operators.alert.test_step import rows, run, steady, step_of
from tests.unit.operators.pipelines import cut, pipeline, scored

P = [0.5, 1e-6, 1e-8, 3e-8, 2e-6, 1e-4]
"""Where an event alerts at 1e-6: usual, barely, two, one and a half, nearly, far from it."""


def judged(is_true: bool, row: int = 2, **changes: Any) -> Feedback:
    """Feedback on the anomaly of a row of P."""
    found = run(step_of(pipeline()), steady(P))
    case = next(case_of(one) for one in found if one.origin.offset == row)
    return Feedback("feedback-1", is_true, case, **({"entities": ("press",)} | changes))


def with_feedback(step: Any, *feedback: Feedback) -> Any:
    step.control(ControlChange(feedback=feedback))
    return step


def test_what_is_like_a_false_alarm_is_left_out_and_counted() -> None:
    context = RunContext("plant")
    step = with_feedback(step_of(pipeline(), context=context), judged(is_true=False))

    found = run(step, steady([*P, 1e-10]))

    assert rows(found) == [6]
    assert found[0].feedback == "feedback-1"
    assert found[0].incident == found[0].id, "those that are left out open no incident"
    counted = context.telemetry.registry.get_sample_value
    assert counted("pynomaly_anomalies_muted_total", {"by": "feedback"}) == 3


def test_what_is_like_a_true_alarm_needs_less() -> None:
    context = RunContext("plant")
    step = with_feedback(step_of(pipeline(), context=context), judged(is_true=True))

    found = run(step, steady(P))

    assert rows(found) == [1, 2, 3, 4]
    document = orjson.loads(anomaly_record(found[-1]).value or b"")
    assert document["feedback"] == "feedback-1"
    assert fits(document, ANOMALY_SCHEMA, ANOMALY_SCHEMA)
    counted = context.telemetry.registry.get_sample_value
    assert not counted("pynomaly_anomalies_muted_total", {"by": "feedback"})


def test_other_entities_are_judged_as_before() -> None:
    plain = run(step_of(pipeline()), steady(P, key="oven"))

    for is_true in (False, True):
        step = with_feedback(step_of(pipeline()), judged(is_true=is_true))
        assert run(step, steady(P, key="oven")) == plain


def test_what_is_revoked_holds_no_more() -> None:
    step = with_feedback(with_feedback(step_of(pipeline()), judged(is_true=False)))

    assert run(step, steady(P)) == run(step_of(pipeline()), steady(P))


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 5), max_size=4), is_true=st.booleans())
def test_batch_cuts_change_nothing(cuts: list[int], is_true: bool) -> None:
    batch = steady(P)
    parts = cut(batch.events, sorted(cuts))

    whole = run(with_feedback(step_of(pipeline()), judged(is_true)), batch)
    pieces = [scored(part, [P[n] for n in part.offsets]) for part in parts]

    assert run(with_feedback(step_of(pipeline()), judged(is_true)), *pieces) == whole

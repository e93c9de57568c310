"""What feedback asks of similar anomalies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.domain.feedback import HALF_LIFE_NS, Case, Feedback, direction_of, evidence_of, needed

CASE = Case("press", "spike", "t", "above", 0, evidence=3.0)
FALSE = Feedback("feedback-1", False, CASE, ("press",))
TRUE = replace(FALSE, id="feedback-2", is_true=True)


def test_one_like_a_false_alarm_needs_ten_times_rarer_a_p_value() -> None:
    assert needed([FALSE], CASE) == (4.0, "feedback-1")


@pytest.mark.parametrize(
    "other",
    [
        replace(CASE, kind="drift"),
        replace(CASE, direction="below"),
        replace(CASE, value="pressure"),
        replace(CASE, entity="oven"),
    ],
)
def test_one_that_is_not_similar_needs_no_more(other: Case) -> None:
    assert needed([FALSE], other) == (0.0, None)


def test_it_holds_for_the_entities_and_values_of_its_scope() -> None:
    other = replace(CASE, entity="press-7", value="pressure")

    assert needed([replace(FALSE, entities=("press*",))], other) == (0.0, None)
    everywhere = replace(FALSE, entities=("*",), any_value=True)
    assert needed([everywhere], other) == (4.0, "feedback-1")


def test_what_is_asked_for_halves_in_thirty_days_of_event_time() -> None:
    assert needed([FALSE], replace(CASE, time=HALF_LIFE_NS))[0] == pytest.approx(2.0)
    assert needed([FALSE], replace(CASE, time=-HALF_LIFE_NS))[0] == 4.0
    assert needed([TRUE], replace(CASE, time=HALF_LIFE_NS))[0] == pytest.approx(-0.25)


def test_of_false_alarms_the_one_that_asks_for_most_counts() -> None:
    stronger = replace(FALSE, id="feedback-9", case=replace(CASE, evidence=8.0))

    assert needed([stronger, FALSE], CASE) == needed([FALSE, stronger], CASE) == (9.0, "feedback-9")


def test_a_true_alarm_takes_back_what_earlier_false_ones_ask_for() -> None:
    assert needed([FALSE, TRUE], CASE) == (-0.5, "feedback-2")
    assert needed([TRUE, FALSE], CASE) == (4.0, "feedback-1")


def test_evidence_is_in_powers_of_ten_below_the_threshold() -> None:
    assert evidence_of(1e-7, 1e-4) == pytest.approx(3.0)
    assert evidence_of(1e-6, None) == pytest.approx(2.0)
    assert evidence_of(0.0, 1e-4) == pytest.approx(296.0)


def test_direction_is_that_of_the_middle_of_what_was_expected() -> None:
    assert direction_of(9.0, 2.0, 4.0) == "above"
    assert direction_of(1.0, 2.0, 4.0) == "below"
    assert direction_of(None, 2.0, 4.0) == direction_of(1.0, None, None) == ""

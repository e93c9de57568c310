import pytest

from engine.domain.alert_policy import (
    AlertPolicy,
    Budget,
    FalseDiscoveryRate,
    PValueThreshold,
    ScoreThreshold,
)
from engine.domain.alert_promise import in_force, promise, unknown_yet


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (
            Budget(10.0),
            "at most 10 false alarms a day for the whole pipeline, "
            "and 1 false alarm in 10 days for one entity alone",
        ),
        (Budget(2.0, "entity"), "at most 2 false alarms a day for each entity"),
        (Budget(1 / 7, "entity"), "at most 1 false alarm a week for each entity"),
        (Budget(0.1, "entity"), "at most 1 false alarm in 10 days for each entity"),
        (
            PValueThreshold(1e-6),
            "an event alerts at p <= 1e-06; no number of false alarms is bounded",
        ),
        (
            FalseDiscoveryRate(0.1),
            "at most 10% of the incidents of all entities are false alarms",
        ),
        (
            ScoreThreshold("zscore", 6.0),
            "an event alerts where zscore scores above 6; no number of false alarms is promised",
        ),
    ],
)
def test_a_promise_is_said_without_events(policy: AlertPolicy, text: str) -> None:
    assert promise(policy) == text


def test_only_a_budget_waits_for_rates() -> None:
    assert "events a day" in unknown_yet(Budget(10.0))
    assert unknown_yet(PValueThreshold(1e-6)) == ""


def test_a_budget_is_shared_by_all_events() -> None:
    text = in_force(Budget(10.0), entities=1_000, events_per_day=8_640_000)

    assert text == (
        "1,000 entities, 8,640,000 events a day: an event needs p <= 1.2e-06; "
        "at most 10 false alarms a day are expected"
    )


def test_few_entities_do_not_use_the_whole_budget() -> None:
    text = in_force(Budget(10.0), entities=50, events_per_day=72_000)

    assert text == (
        "50 entities, 72,000 events a day: an event needs p <= 6.9e-05; "
        "at most 5 false alarms a day are expected"
    )


def test_a_budget_of_each_entity_grows_with_their_number() -> None:
    text = in_force(Budget(2.0, "entity"), entities=50, events_per_day=72_000)

    assert "p <= 0.0014; at most 100 false alarms a day" in text


def test_rare_events_are_bounded_by_the_largest_p_value() -> None:
    text = in_force(Budget(10.0, entity_share=10.0), entities=1, events_per_day=24)

    assert text == (
        "1 entity, 24 events a day: an event needs p <= 0.01; "
        "at most 0.24 false alarms a day are expected"
    )


def test_a_measured_threshold_is_said_as_it_is() -> None:
    text = in_force(Budget(10.0), entities=50, events_per_day=72_000, threshold=1e-5)

    assert "p <= 1e-05; at most 0.72 false alarms" in text


def test_a_share_and_a_raw_score_name_no_p_value() -> None:
    assert in_force(FalseDiscoveryRate(0.1), 3, 4_320).endswith("are false alarms")
    assert in_force(ScoreThreshold("zscore", 6.0), 3, 4_320).startswith(
        "3 entities, 4,320 events a day: an event alerts where zscore"
    )

import re
from pathlib import Path

import pytest

from engine.domain.alert_policy import (
    AlertPolicy,
    Budget,
    FalseDiscoveryRate,
    PValueThreshold,
    ScoreThreshold,
)
from engine.domain.alert_promise import AlertPromise


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
    assert AlertPromise(policy).known() == text


def test_no_bound_is_said_where_detectors_promise_none() -> None:
    said = AlertPromise(Budget(10.0), ("zscore",)).known()

    assert said.startswith("about 10 false alarms a day for the whole pipeline")


def test_only_a_budget_waits_for_rates() -> None:
    assert "events a day" in AlertPromise(Budget(10.0)).unknown_yet()
    assert AlertPromise(PValueThreshold(1e-6)).unknown_yet() == ""


def test_a_budget_is_shared_by_all_events() -> None:
    text = AlertPromise(Budget(10.0)).in_force(entities=1_000, events_per_day=8_640_000)

    assert text == (
        "1,000 entities, 8,640,000 events a day: an event needs p <= 1.2e-06; "
        "at most 10 false alarms a day are expected"
    )


def test_few_entities_do_not_use_the_whole_budget() -> None:
    text = AlertPromise(Budget(10.0)).in_force(entities=50, events_per_day=72_000)

    assert text == (
        "50 entities, 72,000 events a day: an event needs p <= 6.9e-05; "
        "at most 5 false alarms a day are expected"
    )


def test_a_budget_of_each_entity_grows_with_their_number() -> None:
    text = AlertPromise(Budget(2.0, "entity")).in_force(entities=50, events_per_day=72_000)

    assert "p <= 0.0014; at most 100 false alarms a day" in text


def test_rare_events_are_bounded_by_the_largest_p_value() -> None:
    text = AlertPromise(Budget(10.0, entity_share=10.0)).in_force(entities=1, events_per_day=24)

    assert text == (
        "1 entity, 24 events a day: an event needs p <= 0.01; "
        "at most 0.24 false alarms a day are expected"
    )


def test_a_measured_threshold_is_said_as_it_is() -> None:
    text = AlertPromise(Budget(10.0)).in_force(entities=50, events_per_day=72_000, threshold=1e-5)

    assert "p <= 1e-05; at most 0.72 false alarms" in text


def test_a_detector_without_a_bound_is_named() -> None:
    promise = AlertPromise(Budget(10.0), ("zscore",))

    text = promise.in_force(entities=50, events_per_day=72_000)

    assert text.endswith("p <= 6.9e-05, for about 5 false alarms a day; no bound is promised")
    assert promise.caveat().startswith("no bound on false alarms is promised for zscore")
    assert (
        promise.kept(3, 1.24)
        == "3 incidents found by detectors; about 1.2 false alarms were expected"
    )


def test_there_is_no_caveat_where_the_budget_is_kept() -> None:
    assert AlertPromise(Budget(10.0)).caveat() == ""
    assert AlertPromise(ScoreThreshold("zscore", 6.0), ("zscore",)).caveat() == ""


def test_incidents_are_said_beside_the_false_alarms_expected() -> None:
    kept = AlertPromise(Budget(10.0)).kept(3, 1.24)

    assert kept == "3 incidents found by detectors; at most 1.2 false alarms were expected"
    assert "no number of false alarms" in AlertPromise(ScoreThreshold("zscore", 6.0)).kept(0, 0.0)


def test_a_share_and_a_raw_score_name_no_p_value() -> None:
    assert AlertPromise(FalseDiscoveryRate(0.1)).in_force(3, 4_320).endswith("are false alarms")
    assert (
        AlertPromise(ScoreThreshold("zscore", 6.0))
        .in_force(3, 4_320)
        .startswith("3 entities, 4,320 events a day: an event alerts where zscore")
    )


def test_the_page_of_alerts_has_the_thresholds_that_a_budget_gives() -> None:
    page = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text()
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,]+) \| (\S+) \| (\S+) \|$", page, re.MULTILINE)

    assert len(rows) == 4

    for entities, each, threshold, alarms in rows:
        count, total = _number(entities), _number(entities) * _number(each)
        found = Budget(10.0).threshold_of_equals(int(count), total)

        assert f"{found:.2g}" == threshold
        assert f"{found * total:.2g}" == alarms


def _number(text: str) -> float:
    return float(text.replace(",", ""))

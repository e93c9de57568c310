"""Entities that stop sending: by ones, all at once, and those that come back."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.domain.absence import AbsenceRule
from engine.domain.alert_policy import Budget, FalseDiscoveryRate, PValueThreshold, ScoreThreshold
from engine.domain.anomaly import Anomaly, anomaly_score
from engine.domain.batch import EventBatch, ScoredBatch
from engine.domain.incident import IncidentEvent
from engine.domain.pipeline import Pipeline
from operators.alert.step import alert_step
from operators.detect.absence import AbsenceWatch, limits_of
from operators.detect.gaps import RECORD
from operators.detect.memory_share import entity_bytes
from operators.detect.step import detect_step
from tests.unit.operators.pipelines import SECOND, START, cut, events, pipeline

MINUTE, HOUR, DAY = 60, 3_600, 86_400
CONTEXT = RunContext("plant")


def spec(after: int | None = None, **changes: Any) -> Pipeline:
    rule = AbsenceRule(None if after is None else after * SECOND)
    budget = changes.pop("alert", Budget(10.0))
    whole = {"alert": budget, "absence": rule, "incident_events": True, "partitions": 1}
    return pipeline(**whole | changes)


def fleet(entities: int, seconds: int, every: int = 10) -> tuple[Any, Any]:
    """Entities that send in turns, each every so many seconds."""
    times = np.arange(0, seconds, every / entities)
    numbers = np.arange(len(times)) % entities
    return numbers, times


def stream(numbers: Any, times: Any) -> EventBatch:
    rng = np.random.default_rng(1)
    keys = [f"s{number}" for number in numbers]
    values = rng.normal(20, 2, (len(keys), 2))
    return events(keys, values, START + (np.asarray(times) * SECOND).astype(np.int64))


def without(numbers: Any, times: Any, gone: Any) -> EventBatch:
    """The events but for those for which `gone` of number and time holds."""
    kept = ~gone(numbers, times)
    return stream(numbers[kept], times[kept])


def absences(chosen: Pipeline, batch: EventBatch) -> list[tuple[str, bool, int]]:
    """Who is absent or back, and after how many seconds of silence."""
    found = [one for part in scored(chosen, batch) for one in part.absences]
    return [(one.entity, one.is_over, one.silence // SECOND) for one in found]


def scored(chosen: Pipeline, batch: EventBatch) -> list[ScoredBatch]:
    step = detect_step(chosen, CONTEXT)(chosen.partitions)
    found: list[ScoredBatch] = step.process([batch])
    return found


def test_an_entity_that_stops_is_absent_once_and_comes_back() -> None:
    numbers, times = fleet(5, 4 * HOUR)
    gap = lambda n, t: (n == 2) & (t > 2 * HOUR) & (t < 3 * HOUR)  # noqa: E731

    found = absences(spec(), without(numbers, times, gap))

    assert [(key, over) for key, over, _ in found] == [("s2", False), ("s2", True)]
    assert 2 * MINUTE < found[0][2] < 40 * MINUTE
    assert found[1][2] == pytest.approx(HOUR, abs=20)


def test_a_fixed_limit_holds_from_the_first_event_on() -> None:
    numbers, times = fleet(5, 30 * MINUTE)

    found = absences(
        spec(after=10 * MINUTE), without(numbers, times, lambda n, t: (n == 2) & (t > 5))
    )

    assert [(key, over) for key, over, _ in found] == [("s2", False)]
    assert found[0][2] == pytest.approx(10 * MINUTE, abs=10)


def test_nobody_is_absent_where_nobody_asks() -> None:
    numbers, times = fleet(3, HOUR)
    batch = without(numbers, times, lambda n, t: (n == 1) & (t > 60))

    assert absences(replace(spec(after=60), absence=None), batch) == []


@pytest.mark.parametrize("after", [None, 10 * MINUTE])
def test_all_that_stop_together_are_one_absence_of_the_task(after: int | None) -> None:
    numbers, times = fleet(60, 4 * HOUR)
    gone = lambda n, t: (n > 2) & (t > 2 * HOUR) & (t < 3 * HOUR)  # noqa: E731

    batch = without(numbers, times, gone)
    found = [one for part in scored(spec(after), batch) for one in part.absences]

    assert [(one.entity, one.is_over) for one in found] == [("", False), ("", True)]
    assert found[0].entities >= 40


def test_one_that_does_not_come_back_with_the_others_is_absent_by_itself() -> None:
    numbers, times = fleet(60, 5 * HOUR)
    gone = lambda n, t: (t > 2 * HOUR) & (n > 2) & ((t < 3 * HOUR) | (n == 30))  # noqa: E731

    found = absences(spec(after=10 * MINUTE), without(numbers, times, gone))

    assert [(key, over) for key, over, _ in found] == [("", False), ("", True), ("s30", False)]


def test_an_idle_topic_is_one_pause_and_no_absence() -> None:
    numbers, times = fleet(50, 2 * HOUR)
    times = np.where(times < HOUR, times, times + HOUR)

    found = absences(spec(), stream(numbers, times))

    assert [(key, over) for key, over, _ in found] == [("", False), ("", True)]
    assert found[0][2] == pytest.approx(HOUR, abs=10)


def test_a_pause_of_all_at_the_same_hour_of_the_week_is_usual_from_the_second_on() -> None:
    numbers, times = fleet(12, 22 * DAY, every=5 * MINUTE)
    off = lambda n, t: (t % (7 * DAY) > 6 * DAY) & (t % DAY < 2 * HOUR)  # noqa: E731

    found = absences(spec(), without(numbers, times, off))

    assert [(key, over) for key, over, _ in found] == [("", False), ("", True)]


def test_the_usual_step_of_a_growing_fleet_is_no_pause() -> None:
    """All send at once, every five minutes; the more they are, the shorter is the mean step."""
    lives = [np.arange(k // 8 * 6 * HOUR, 2 * DAY, 300.0) for k in range(60)]
    numbers, times = np.repeat(np.arange(60), [len(own) for own in lives]), np.concatenate(lives)
    order = np.lexsort((numbers, times))

    assert absences(spec(), stream(numbers[order], times[order])) == []


@pytest.mark.parametrize("group_by", [None, 0])
@pytest.mark.parametrize("minute", [0, 15, 20, 45, 50])
def test_absences_of_the_partitions_of_a_topic_are_one_story(
    group_by: int | None, minute: int
) -> None:
    numbers, times = fleet(6, 4 * HOUR, every=60)
    stories = []
    for partition in (0, 1):
        # Some minutes after each other, before and after the full hour too.
        stop = 2 * HOUR + (minute - 3 + 6 * partition) * MINUTE
        batch = stream(numbers, np.where(times < stop, times, times + DAY))
        part = replace(batch, partitions=np.full(len(batch), partition, np.int32))
        found = anomalies_and_incidents(spec(after=600, group_by=group_by), [part])
        incidents = [one for one in found if isinstance(one, IncidentEvent)]
        stories.append({one.story for one in incidents if one.kinds == ("absence",)})

    (first,), (second,) = stories

    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert first.group == second.group == "readings"
    assert first.root != second.root


@pytest.mark.parametrize("entities", [1, 3, 12])
def test_a_pause_of_all_is_one_absence_and_names_who_does_not_come_back(entities: int) -> None:
    numbers, times = fleet(entities, 4 * HOUR, every=60)
    later = np.where(times < 2 * HOUR, times, times + DAY)
    kept = (times < 2 * HOUR) | (numbers < max(entities - 1, 1))
    batch = stream(numbers[kept], later[kept])

    found = [
        (one.entity, one.is_over, (one.since + one.silence - START) // SECOND)
        for part in scored(spec(after=10 * MINUTE), batch)
        for one in part.absences
    ]

    assert [one[:2] for one in found[:2]] == [("", False), ("", True)]
    assert DAY + 2 * HOUR <= found[0][2] <= DAY + 2 * HOUR + 5 * MINUTE
    gone = [(f"s{entities - 1}", False)] if entities > 1 else []
    assert [one[:2] for one in found[2:]] == gone


@pytest.mark.parametrize("entities", [5, 40])
def test_a_backlog_sent_one_after_the_other_is_one_absence_of_the_task(entities: int) -> None:
    numbers, times = fleet(entities, 6 * HOUR)
    gathered = (times >= 4 * HOUR) & (times < 5 * HOUR)
    order = np.lexsort((times, np.where(gathered, numbers, 0), (times // HOUR).astype(int)))

    found = absences(spec(), stream(numbers[order], times[order]))

    assert [(key, over) for key, over, _ in found] == [("", False), ("", True)]


def test_entities_that_send_what_they_gathered_in_turn_are_not_absent() -> None:
    numbers, times = fleet(12, 3 * DAY, every=5 * MINUTE)
    order = np.lexsort((times, numbers, times // (6 * HOUR)))

    found = absences(spec(), stream(numbers[order], times[order]))

    assert found == []


def test_a_wild_clock_makes_nobody_absent() -> None:
    numbers, times = fleet(6, 3 * HOUR)
    times = np.where(numbers == 3, times + 5 * HOUR, times)

    assert absences(spec(), stream(numbers, times)) == []


def test_two_clocks_of_a_gateway_that_are_hours_ahead_make_nobody_absent() -> None:
    """It sends eight readings of its two sensors in a row, every ten minutes."""
    numbers, times = fleet(20, 4 * HOUR)
    sent = np.arange(HOUR, 4 * HOUR, 10 * MINUTE)
    places = np.searchsorted(times, np.repeat(sent, 8))
    gateway = np.tile([3, 4], len(places) // 2), np.repeat(sent + 3 * HOUR, 8)

    batch = stream(np.insert(numbers, places, gateway[0]), np.insert(times, places, gateway[1]))

    assert absences(spec(), batch) == []


def test_an_entity_with_a_clock_that_is_behind_is_absent_by_the_clock_of_the_others() -> None:
    numbers, times = fleet(6, 3 * HOUR)
    shown = np.where(numbers == 3, times - 20 * MINUTE, times)
    kept = ~((numbers == 3) & (times > 2 * HOUR))

    found = absences(spec(after=15 * MINUTE), stream(numbers[kept], shown[kept]))

    assert [key for key, _, _ in found] == ["s3"]
    assert found[0][2] == pytest.approx(15 * MINUTE, abs=30)


def test_irregular_gaps_are_usual() -> None:
    """Ten entities with exponential gaps for two days; a silence is a matter of 0.1 x 0.1 a day."""
    rng = np.random.default_rng(3)
    own = [rng.exponential(60, 3_500).cumsum() for _ in range(10)]
    times = np.concatenate(own)
    numbers = np.repeat(np.arange(10), 3_500)
    order = times.argsort()
    kept = order[times[order] < 2 * DAY]

    assert absences(spec(), stream(numbers[kept], times[kept])) == []


@pytest.mark.parametrize(
    ("every", "found_within"), [(1, 180), (10, 300), (60, 900), (HOUR, 8 * HOUR)]
)
def test_a_silence_is_found_after_a_few_of_the_usual_gaps(every: int, found_within: int) -> None:
    numbers, times = fleet(5, 4_000 * every, every=every)
    batch = without(numbers, times, lambda n, t: (n == 2) & (t > 2_000 * every))

    ((key, is_over, silence),) = absences(spec(), batch)

    assert (key, is_over) == ("s2", False)
    assert silence < found_within


def test_a_pause_every_night_is_usual_after_two() -> None:
    numbers, times = fleet(4, 6 * DAY, every=60)
    asleep = lambda n, t: (n == 1) & (t % DAY > 20 * HOUR)  # noqa: E731

    found = absences(spec(), without(numbers, times, asleep))

    assert [key for key, over, _ in found if not over] == ["s1", "s1"]


def test_all_that_pause_together_every_ten_minutes_are_usual() -> None:
    rounds = np.repeat(np.arange(300), 20) * 600.0
    times = rounds + np.tile(np.arange(20) * 0.01, 300)

    assert absences(spec(), stream(np.tile(np.arange(20), 300), times)) == []


def anomalies_and_incidents(
    chosen: Pipeline, parts: list[EventBatch], *, restarts: bool = False
) -> list[Anomaly | IncidentEvent]:
    detect = detect_step(chosen, CONTEXT)(chosen.partitions)
    alert = alert_step(chosen, CONTEXT)(chosen.partitions)
    found: list[Anomaly | IncidentEvent] = []
    for part in parts:
        found += [one for item in alert.process(detect.process([part])) for one in item]
        if restarts:
            stored = detect.dump(), alert.dump()
            detect = detect_step(chosen, CONTEXT)(chosen.partitions)
            alert = alert_step(chosen, CONTEXT)(chosen.partitions)
            detect.restore(stored[0])
            alert.restore(stored[1])
    # Each goes to a sink of its own, in its order.
    return sorted(found, key=lambda one: isinstance(one, IncidentEvent))


@pytest.mark.parametrize(
    "policy",
    [Budget(10.0), PValueThreshold(1e-6), FalseDiscoveryRate(0.1), ScoreThreshold("zscore", 99.0)],
    ids=lambda policy: type(policy).__name__,
)
def test_an_absence_is_an_anomaly_and_an_incident_until_the_return(policy: Any) -> None:
    numbers, times = fleet(5, 6 * HOUR)
    gap = lambda n, t: (n == 2) & (t > 2 * HOUR) & (t < 5 * HOUR)  # noqa: E731
    chosen = spec(alert=policy)

    found = anomalies_and_incidents(chosen, [without(numbers, times, gap)])

    (anomaly,) = [one for one in found if isinstance(one, Anomaly) and one.kind == "absence"]

    assert anomaly.entity == "s2"
    assert anomaly.summary.startswith("no event for ")
    incidents = [
        one for one in found if isinstance(one, IncidentEvent) and one.id == anomaly.incident
    ]
    assert [one.change.value for one in incidents] == ["open", "close"]
    assert incidents[0].detectors == (("absence", 1.0),)
    back = (incidents[1].time - START) / SECOND
    assert back == pytest.approx(5 * HOUR, abs=30), "longer than any gap between anomalies"


@pytest.mark.parametrize("after", [None, 600])
@pytest.mark.parametrize("stays", [4, 1, 0])
def test_an_absence_is_as_rare_as_its_score_says(after: int | None, stays: int) -> None:
    numbers, times = fleet(5, 6 * HOUR)
    gap = lambda n, t: (n >= stays) & (t > 2 * HOUR) & (t < 5 * HOUR)  # noqa: E731

    found = anomalies_and_incidents(spec(after), [without(numbers, times, gap)])

    (anomaly,) = [one for one in found if isinstance(one, Anomaly) and one.kind == "absence"]
    assert anomaly.p_value < 1e-3
    assert anomaly.score == anomaly_score(anomaly.p_value)


def test_an_absence_of_the_task_is_of_its_partition() -> None:
    numbers, times = fleet(60, 4 * HOUR)
    gone = lambda n, t: (n > 2) & (t > 2 * HOUR) & (t < 3 * HOUR)  # noqa: E731

    found = anomalies_and_incidents(spec(), [without(numbers, times, gone)])

    (anomaly,) = [one for one in found if isinstance(one, Anomaly) and one.kind == "absence"]

    assert anomaly.entity == "readings/0"
    assert "entities have stopped sending" in anomaly.summary


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(1, 1_999), min_size=1, max_size=5),
    after=st.sampled_from([None, 200]),
)
def test_cuts_and_restarts_do_not_change_absences(
    seed: int, cuts: list[int], after: int | None
) -> None:
    """Some stop for a while, all pause, a few entities more than there is room for."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, 12, 2_000)
    times = rng.exponential(2, 2_000).cumsum()
    times[1_500:] += rng.choice([0, 4_000])
    for number in range(4):
        began = rng.integers(200, 3_500)
        away = (numbers == number) & (times > began) & (times < began + rng.integers(100, 2_000))
        numbers = np.where(away, 11, numbers)
    batch = stream(numbers, times)
    few = entity_bytes(replace(spec(after), partitions=1))
    chosen = spec(after, memory_bytes=10 * few)

    at_once = anomalies_and_incidents(chosen, [batch])
    in_parts = anomalies_and_incidents(chosen, cut(batch, cuts), restarts=True)

    assert in_parts == at_once


def test_the_property_above_sees_absences() -> None:
    numbers, times = fleet(5, 2 * HOUR)
    batch = without(numbers, times, lambda n, t: (n == 2) & (t > HOUR))

    at_once = anomalies_and_incidents(spec(after=300), [batch])
    in_parts = anomalies_and_incidents(
        spec(after=300), cut(batch, [700, 2_000, 3_000]), restarts=True
    )

    assert any(isinstance(one, Anomaly) and one.kind == "absence" for one in at_once)
    assert in_parts == at_once


def test_absences_stand_in_the_order_of_the_events() -> None:
    numbers, times = fleet(8, 3 * HOUR)
    gone = lambda n, t: ((n == 1) & (t > HOUR)) | ((n == 5) & (t > HOUR + 600))  # noqa: E731

    parts = scored(spec(after=600), without(numbers, times, gone))
    rows = [(part.events.offsets[one.row], one.entity) for part in parts for one in part.absences]

    assert [key for _, key in rows] == ["s1", "s5"]
    assert all(one < other for (one, _), (other, _) in itertools.pairwise(rows))


def test_gaps_of_another_form_are_learned_afresh_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    older = [("mean", "<f4"), ("alien_hour", "u1")]
    names = RECORD.names or ()
    form = [(name, RECORD[name] if name != "tail" else np.dtype(older)) for name in names]
    stored = np.ones(3, form)
    watch = AbsenceWatch(8, limits_of(AbsenceRule(), Budget(10.0), 1))

    watch.load({"state": stored})

    assert watch.records["seen"].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    assert not watch.records["tail"]["mean"].any()
    assert "learned afresh" in caplog.text

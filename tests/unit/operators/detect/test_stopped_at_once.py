"""Entities that stop at about the same event time, such as those of a gateway: one absence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.anomaly import Anomaly
from engine.domain.batch import EventBatch
from engine.domain.incident import IncidentEvent
from engine.domain.pipeline import Pipeline
from engine.domain.silence import Silence
from operators.detect.memory_share import entity_bytes
from tests.unit.operators.detect.test_absence import (
    HOUR,
    MINUTE,
    anomalies_and_incidents,
    fleet,
    scored,
    spec,
    stream,
    without,
)
from tests.unit.operators.pipelines import SECOND, START, cut

GATEWAY = {f"s{number}" for number in range(20)}


def away(number: Any, time: Any) -> Any:
    """The sensors of one gateway, for half an hour."""
    return (number < 20) & (time >= HOUR) & (time < 1.5 * HOUR)


def found_in(chosen: Pipeline, batch: EventBatch) -> list[tuple[bool, set[str]]]:
    """Of each absence, whether it is over, and who is named."""
    found = [one for part in scored(chosen, batch) for one in part.absences]
    return [(one.is_over, set(one.members) or {one.entity}) for one in found]


def published(chosen: Pipeline, batch: EventBatch) -> list[Anomaly]:
    found = anomalies_and_incidents(chosen, [batch])
    return [one for one in found if isinstance(one, Anomaly) and one.kind == "absence"]


@pytest.mark.parametrize("after", [None, 10 * MINUTE])
def test_the_sensors_of_a_gateway_are_one_absence(after: int | None) -> None:
    numbers, times = fleet(60, 2 * HOUR)

    raised, over = found_in(spec(after), without(numbers, times, away))

    assert raised == (False, GATEWAY)
    assert over[0]
    assert over[1] < GATEWAY, "it has the same name"


def test_one_message_says_how_many_stopped_and_names_three() -> None:
    numbers, times = fleet(60, 2 * HOUR)

    (anomaly,) = published(spec(), without(numbers, times, away))

    assert anomaly.summary.startswith("20 entities have stopped sending, for ")
    assert anomaly.summary.endswith("s19, s18, s17 and 17 more")
    assert anomaly.entity == "s19"


def test_the_incident_closes_when_half_are_back() -> None:
    numbers, times = fleet(60, 2 * HOUR)
    chosen = spec()

    found = anomalies_and_incidents(chosen, [without(numbers, times, away)])

    changes = [one for one in found if isinstance(one, IncidentEvent) and one.entity == "s19"]
    assert [one.change.value for one in changes] == ["open", "close"]
    assert (changes[1].time - START) / SECOND == pytest.approx(1.5 * HOUR, abs=30)


def test_two_that_stop_together_are_absent_by_themselves() -> None:
    numbers, times = fleet(60, 2 * HOUR)
    gone = lambda n, t: (n < 2) & (t >= HOUR)  # noqa: E731

    found = found_in(spec(), without(numbers, times, gone))

    assert sorted(found, key=str) == [(False, {"s0"}), (False, {"s1"})]


def test_sensors_that_stop_one_after_the_other_are_absent_by_themselves() -> None:
    numbers, times = fleet(60, 3 * HOUR)
    gone = lambda n, t: (n < 6) & (t > HOUR + 10 * MINUTE * n)  # noqa: E731

    found = found_in(spec(), without(numbers, times, gone))

    assert found == [(False, {f"s{number}"}) for number in range(6)]


def test_two_gateways_are_two_absences() -> None:
    numbers, times = fleet(90, 3 * HOUR)
    second = lambda n, t: (n >= 20) & (n < 40) & (t > 1.2 * HOUR) & (t < 2 * HOUR)  # noqa: E731

    found = found_in(spec(), without(numbers, times, lambda n, t: away(n, t) | second(n, t)))

    assert [is_over for is_over, _ in found] == [False, False, True, True]
    assert [members for _, members in found[:2]] == [GATEWAY, {f"s{n}" for n in range(20, 40)}]


def test_one_that_does_not_come_back_with_its_gateway_is_absent_by_itself() -> None:
    numbers, times = fleet(60, 3 * HOUR)
    broken = lambda n, t: (n == 3) & (t >= HOUR)  # noqa: E731

    found = found_in(spec(), without(numbers, times, lambda n, t: away(n, t) | broken(n, t)))

    assert [is_over for is_over, _ in found] == [False, True, False]
    assert found[-1][1] == {"s3"}


def test_sensors_with_longer_gaps_join_the_absence_of_their_gateway() -> None:
    """They are noticed later: every second one sends every minute."""
    numbers, times = fleet(60, 5 * HOUR)
    slow = (numbers % 2 == 1) & ((times // 10) % 6 != numbers % 6)
    numbers, times = numbers[~slow], times[~slow]
    gone = lambda n, t: (n < 20) & (t > 2 * HOUR) & (t < 4 * HOUR)  # noqa: E731

    found = found_in(spec(), without(numbers, times, gone))

    assert [is_over for is_over, _ in found] == [False, True]
    assert found[0][1] == {f"s{number}" for number in range(0, 20, 2)}


def test_a_group_of_which_all_but_one_are_silenced_is_published() -> None:
    numbers, times = fleet(60, 2 * HOUR)
    batch = without(numbers, times, away)
    most = Silence("works", tuple(sorted(GATEWAY - {"s7"})))
    all_of_them = Silence("works", tuple(sorted(GATEWAY)))

    heard = published(spec(silences=(most,)), batch)
    muted = published(spec(silences=(all_of_them,)), batch)

    assert [one.summary[:11] for one in heard] == ["20 entities"]
    assert muted == []


def test_a_muted_group_is_published_when_the_silence_of_one_ends() -> None:
    numbers, times = fleet(60, 3 * HOUR)
    gone = lambda n, t: (n < 20) & (t >= HOUR)  # noqa: E731
    end = START + 2 * HOUR * SECOND
    silences = Silence("one", ("s7",), end=end), Silence("rest", tuple(sorted(GATEWAY - {"s7"})))

    (anomaly,) = published(spec(silences=silences), without(numbers, times, gone))

    assert (anomaly.time - START) / SECOND == pytest.approx(2 * HOUR, abs=30)


def test_those_left_behind_are_another_absence_with_another_id() -> None:
    """Ten of twenty come back: the ten others stopped with the same last event as before."""
    numbers, times = fleet(60, 3 * HOUR)
    left = lambda n, t: (n >= 10) & (n < 20) & (t >= HOUR)  # noqa: E731

    first, second = published(spec(), without(numbers, times, lambda n, t: away(n, t) | left(n, t)))

    assert first.entity == second.entity
    assert first.origin == second.origin
    assert first.id != second.id


def test_a_group_ends_when_its_entities_are_evicted() -> None:
    """There is room for 40; the gateway never comes back, and new entities take its place."""
    numbers, times = fleet(40, 4 * HOUR)
    kept = ~((numbers < 12) & (times > HOUR))
    numbers = np.where((numbers >= 34) & (times > 2 * HOUR), numbers + 40, numbers)
    batch = stream(
        np.where((numbers > 60) & (times > 3 * HOUR), numbers + 40, numbers)[kept], times[kept]
    )
    chosen = spec(memory_bytes=40 * entity_bytes(spec()))

    found = found_in(chosen, batch)

    assert (False, {f"s{number}" for number in range(12)}) in found
    assert any(is_over for is_over, _ in found)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(1, 5_999), min_size=1, max_size=5),
    after=st.sampled_from([None, 60]),
    exploded=st.booleans(),
)
def test_cuts_and_restarts_do_not_change_groups(
    seed: int, cuts: list[int], after: int | None, exploded: bool
) -> None:
    """Five gateways of four sensors: some go away, for different times, with too little memory."""
    batch = gateways(seed, exploded)
    chosen = spec(after, memory_bytes=18 * entity_bytes(spec(after)))

    at_once = anomalies_and_incidents(chosen, [batch])
    in_parts = anomalies_and_incidents(chosen, cut(batch, cuts), restarts=True)

    assert in_parts == at_once


def test_the_property_above_sees_groups() -> None:
    found = published(spec(60), gateways(1, exploded=True))

    assert any("4 entities have stopped" in one.summary for one in found)


def gateways(seed: int, exploded: bool) -> EventBatch:
    """Sensors that are sent by their gateways, each a message a round where they are exploded."""
    rng = np.random.default_rng(seed)
    rounds = np.arange(300)
    table = np.array([(r, g, s) for r in rounds for g in range(5) for s in range(4)])
    begins, lengths = rng.integers(60, 250, 5), rng.integers(2, 120, 5)
    gone = (table[:, 0] >= begins[table[:, 1]]) & (table[:, 0] < (begins + lengths)[table[:, 1]])
    table = table[~gone | (table[:, 1] > 3)]
    batch = stream(table[:, 1] * 4 + table[:, 2], table[:, 0] * 10.0 + table[:, 1])
    if not exploded:
        return batch
    _, offsets = np.unique(table[:, 0] * 5 + table[:, 1], return_inverse=True)
    return replace(batch, offsets=offsets.astype(np.int64), indices=table[:, 2].astype(np.int32))

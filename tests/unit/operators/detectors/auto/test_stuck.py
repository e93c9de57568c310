from __future__ import annotations

from typing import Any

import numpy as np

from operators.detectors.auto import stuck
from tests.unit.operators.detectors.auto.streams import DAY, HOUR, MINUTE, MONDAY, one_of

SEEN = 5_000
PLACES = {200: stuck.LEAST, 304: stuck.INSIDE, 404: stuck.GREATEST}


def stand_still(state: Any, length: int, time: int, seen: int = SEEN) -> float:
    """Have a run of equal values, and the value that ends it; return the p-value of its last."""
    p = 1.0
    state["events"] = seen
    for k in range(length - 1):
        p = stuck.p_value(state, seen + k)
        stuck.learn(state, True, p, seen + k, time + k * MINUTE)
    stuck.learn(state, False, 1.0, seen + length, time + length * MINUTE)
    return p


def after_visits(place: int, count: int) -> Any:
    """Return the record of a value that was at a place so many times, for an event each."""
    state = one_of(stuck.FIELDS)
    for _ in range(count):
        stuck.note_place(state, place, False)
        stuck.learn(state, False, 1.0, SEEN, MONDAY)
    return state


def test_thirty_equal_values_of_a_varying_sensor_are_rare() -> None:
    p = stand_still(after_visits(stuck.INSIDE, 100), 30, MONDAY)

    assert p < 1e-5


def test_longer_runs_are_rarer() -> None:
    p = [stand_still(one_of(stuck.FIELDS), length, MONDAY) for length in (3, 8, 15, 30, 60)]

    assert p[0] == 1.0
    assert p == sorted(p, reverse=True)
    assert len(set(p)) == len(p)


def test_a_value_that_rests_by_nature_is_not_stuck() -> None:
    rng = np.random.default_rng(0)
    state = one_of(stuck.FIELDS)
    lengths = 2 + rng.exponential(30, 200).astype(int)

    p = [stand_still(state, int(length), MONDAY, 200 + 32 * k) for k, length in enumerate(lengths)]

    # In 6,600 events a p-value below 1e-4 would be one too many.
    assert min(p) > 1e-4


def test_a_run_of_twice_the_longest_of_many_is_rare() -> None:
    rng = np.random.default_rng(0)
    state = one_of(stuck.FIELDS)
    lengths = 2 + rng.exponential(6, 700).astype(int)
    for k, length in enumerate(lengths):
        stand_still(state, int(length), MONDAY, 200 + 8 * k)

    p = stand_still(state, 2 * int(lengths.max()), MONDAY, 6_000)

    assert p < 1e-5


def test_runs_are_as_rare_as_they_say_however_many_there_were() -> None:
    state = one_of(stuck.FIELDS)
    rng = np.random.default_rng(0)
    values = rng.choice([200, 304, 404], 300_000, p=[0.9, 0.06, 0.04])
    p = np.ones(len(values))
    for k in range(1, len(values)):
        same = values[k] == values[k - 1]
        if same:
            p[k] = stuck.p_value(state, k)
        stuck.learn(state, same, p[k], k, MONDAY)
        if not same:
            stuck.note_place(state, PLACES[values[k]], False)

    rare_runs = np.sum((p[1:] < 1e-4) & (p[:-1] >= 1e-4))
    allowed = 1e-4 * len(values)
    assert rare_runs <= allowed + 3 * allowed**0.5
    assert state["places"][stuck.LEAST]["runs"] > 50 * stuck.FADING_RUNS


def test_a_place_that_was_never_left_at_once_may_be_one_to_rest_at() -> None:
    fleeting, unknown = (
        stand_still(after_visits(stuck.LEAST, visits), 30, MONDAY) for visits in (100, 0)
    )

    assert fleeting < 1e-5
    assert unknown > 100 * fleeting


def test_runs_at_the_least_value_say_nothing_of_the_greatest() -> None:
    state = after_visits(stuck.GREATEST, 100)
    stuck.note_place(state, stuck.LEAST, False)
    for length in np.random.default_rng(0).exponential(30, 100):
        stand_still(state, 2 + int(length), MONDAY)

    up, down = state.copy(), state.copy()
    stuck.note_place(up, stuck.GREATEST, False)

    assert stand_still(down, 50, MONDAY) > 1e-3
    assert stand_still(up, 50, MONDAY) < 1e-5


def test_a_new_least_value_is_not_known_by_visits_to_another() -> None:
    known, new = after_visits(stuck.LEAST, 100), after_visits(stuck.LEAST, 100)

    stuck.note_place(known, stuck.LEAST, False)
    stuck.note_place(new, stuck.LEAST, True)

    assert stand_still(new, 30, MONDAY) > 100 * stand_still(known, 30, MONDAY)


def test_does_not_learn_a_rare_run() -> None:
    state = after_visits(stuck.INSIDE, 100)

    first = stand_still(state, 60, MONDAY)
    second = stand_still(state, 60, MONDAY + 7 * HOUR)

    assert first < stuck.ANOMALY_P
    assert second == first
    place = state["places"][stuck.INSIDE]
    assert place["runs"] == place["excess"] == 0.0


def test_learns_a_rare_run_that_comes_at_the_same_time_of_day() -> None:
    state = after_visits(stuck.INSIDE, 100)

    first = stand_still(state, 60, MONDAY)
    for day in range(1, 4):
        last = stand_still(state, 60, MONDAY + day * DAY)

    assert first < stuck.ANOMALY_P
    assert last > 1e-3


def test_says_nothing_while_runs_are_a_large_part_of_what_was_seen() -> None:
    p = stand_still(one_of(stuck.FIELDS), 30, MONDAY, seen=60)

    assert p == 1.0

from __future__ import annotations

from typing import Any

import numpy as np

from operators.detectors.auto import stuck
from tests.unit.operators.detectors.auto.streams import DAY, HOUR, MINUTE, MONDAY, one_of

SEEN = 5_000


def stand_still(state: Any, length: int, time: int, seen: int = SEEN, still: float = 0.0) -> float:
    """Have a run of equal values, and the value that ends it; return the p-value of its last."""
    p = 1.0
    for k in range(length - 1):
        p = stuck.p_value(state, seen + k, False, still)
        stuck.learn(state, True, p, seen + k, time + k * MINUTE)
    stuck.learn(state, False, 1.0, seen + length, time + length * MINUTE)
    return p


def test_thirty_equal_values_of_a_varying_sensor_are_rare() -> None:
    p = stand_still(one_of(stuck.FIELDS), 30, MONDAY)

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

    p = [
        stand_still(state, int(length), MONDAY, 200 + 32 * k, 0.9)
        for k, length in enumerate(lengths)
    ]

    # In 6,600 events a p-value below 1e-4 would be one too many.
    assert min(p) > 1e-4


def test_least_value_and_zero_may_rest_longer() -> None:
    state = one_of(stuck.FIELDS)
    state["run"] = 29

    inside, at_edge = (stuck.p_value(state, SEEN, edge, 0.0) for edge in (False, True))

    assert inside < 1e-5
    assert at_edge > 100 * inside


def test_does_not_learn_a_rare_run() -> None:
    state = one_of(stuck.FIELDS)

    first = stand_still(state, 60, MONDAY)
    second = stand_still(state, 60, MONDAY + 7 * HOUR)

    assert first < stuck.ANOMALY_P
    assert second == first
    assert state["runs"] == state["excess"] == 0.0


def test_learns_a_rare_run_that_comes_at_the_same_time_of_day() -> None:
    state = one_of(stuck.FIELDS)

    first = stand_still(state, 60, MONDAY)
    for day in range(1, 4):
        last = stand_still(state, 60, MONDAY + day * DAY)

    assert first < stuck.ANOMALY_P
    assert last > 1e-3


def test_says_nothing_while_runs_are_a_large_part_of_what_was_seen() -> None:
    p = stand_still(one_of(stuck.FIELDS), 30, MONDAY, seen=60)

    assert p == 1.0

"""Episodes at a steady rate are usual, and only those that are like them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from numba import njit

from operators.kernels import steady
from tests.unit.operators.detectors.auto.streams import one

FAR = 8.0
DAY = 24


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def note_all(state: Any, hours: Any, ratio: float, events: int, before: int) -> None:
    for hour in hours:
        steady.note(state, ratio, events, True, hour, before)
        before = hour


def after(
    hours: Iterable[int], state: Any = None, ratio: float = FAR, events: int = 1, before: int = 0
) -> Any:
    """Have an episode at each of these hours, numbered from 1."""
    state = one(steady.RECORD) if state is None else state
    note_all(state, np.array(list(hours), np.int64), ratio, events, before)
    return state


def three_a_day(n: int) -> range:
    return range(1, 8 * n + 1, 8)


def is_usual(state: Any, ratio: float = FAR, events: int = 1) -> bool:
    return bool(steady.is_usual(state, ratio, events))


def test_thirty_over_ten_days_are_normal_life() -> None:
    found = [is_usual(after(three_a_day(n))) for n in (10, 29, 30, 1_000)]

    assert found == [False, False, True, True]


@pytest.mark.parametrize("seed", range(20))
def test_a_steady_rate_is_known_at_random_times_too(seed: int) -> None:
    hours = np.cumsum(np.random.default_rng(seed).exponential(12.0, 60)).astype(int) + 1

    assert is_usual(after(hours))


def test_many_on_three_days_are_no_normal_life() -> None:
    hours = range(1, 3 * DAY)

    assert not is_usual(after(hours))


def test_working_days_are_a_steady_rate() -> None:
    hours = [day * DAY + 9 + day % 7 for day in range(60) if day % 7 < 5]

    assert is_usual(after(hours))


def test_a_long_gap_begins_a_new_count() -> None:
    back = range(200 * DAY, 200 * DAY + 8 * 29, 8)

    assert not is_usual(after([*three_a_day(40), *back]))


@pytest.mark.parametrize(("ratio", "events"), [(2 * FAR, 1), (FAR, 3)])
def test_what_is_farther_out_or_longer_is_not_usual_at_its_tenth_repeat(
    ratio: float, events: int
) -> None:
    state = after(three_a_day(40))
    last = three_a_day(40)[-1]

    for repeat in range(1, 11):
        assert not is_usual(state, ratio, events)
        after([last + 8 * repeat], state, ratio, events, last + 8 * (repeat - 1))


def test_one_far_out_among_the_first_bounds_no_longer() -> None:
    state = after([1], ratio=20 * FAR)

    after(range(9, 9 + 8 * 40, 8), state, before=1)

    assert is_usual(state)
    assert not is_usual(state, 20 * FAR)


def test_a_fault_before_the_rate_is_known_is_found_at_its_repeats() -> None:
    state = after(three_a_day(25))
    before = three_a_day(25)[-1]

    after([before + 8], state, 20 * FAR, before=before)
    after(range(before + 16, before + 160, 8), state, before=before + 8)

    assert is_usual(state)
    assert not is_usual(state, 20 * FAR)


def test_all_parts_of_an_episode_count_once() -> None:
    state = one(steady.RECORD)
    for hour in three_a_day(8):
        for part in range(5):
            steady.note(state, FAR, 1, part == 0, hour, max(hour - 8, 0))

    assert state["count"] == 8


def test_nothing_is_steady_where_time_is_not_known() -> None:
    assert not is_usual(after([0] * 100))

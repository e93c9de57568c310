"""Episodes that keep to a schedule, and those that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.domain.batch import Floats
from operators.detectors.auto import schedule
from operators.detectors.auto.detector import AutoDetector
from operators.detectors.auto.schedule import PER_DAY, PER_HOUR
from tests.unit.operators.detectors.auto.streams import DAY, HOUR, MONDAY, explain, noise, one_of

RARE, ORDINARY = 1e-6, 0.5
STEP = HOUR // 12
BATCH = 40 * 12
"""Events between two batches."""


def after(begins: list[int], lasting: int = 2) -> Any:
    """Have an episode of some ticks begin at each of these."""
    state = one_of(schedule.FIELDS)
    for begin in begins:
        for tick in range(begin, begin + lasting):
            schedule.note(state, RARE, tick)
    return state


def multiples(interval: int, times: int) -> list[int]:
    return [100 + interval * k for k in range(times)]


@pytest.mark.parametrize("hours", [24, 40, 156, 168, 500])
def test_the_fourth_of_equal_intervals_is_due(hours: int) -> None:
    *earlier, last = multiples(hours * PER_HOUR, 4)

    state = after(earlier)

    assert schedule.is_due(state, last)
    assert not schedule.is_due(state, last + 5 * PER_HOUR)


@pytest.mark.parametrize("hours", [24, 40, 156])
def test_the_second_of_an_interval_is_not_due(hours: int) -> None:
    first, second = multiples(hours * PER_HOUR, 2)

    assert not schedule.is_due(after([first]), second)


def test_a_schedule_of_about_equal_intervals_is_due_after_three() -> None:
    begins = [100, 100 + 980, 100 + 1_950, 100 + 2_935]

    assert schedule.is_due(after(begins), 100 + 3_915)
    assert not schedule.is_due(after(begins[:2]), begins[2])


def test_several_episodes_in_each_cycle_keep_to_their_schedule() -> None:
    cycle = 156 * PER_HOUR
    begins = [100 + cycle * k + at for k in range(3) for at in (0, 3 * PER_HOUR, 16 * PER_HOUR)]

    state = after(begins)

    assert schedule.is_due(state, 100 + 3 * cycle)
    assert schedule.is_due(state, 100 + 3 * cycle + 16 * PER_HOUR)
    assert not schedule.is_due(state, 100 + 3 * cycle + 9 * PER_HOUR)


def test_an_episode_that_was_due_is_expected_until_it_is_over() -> None:
    *earlier, last = multiples(PER_DAY, 4)
    state = after(earlier)

    for tick in range(last, last + 5 * PER_HOUR):
        schedule.note(state, RARE, tick)

    assert schedule.is_due(state, last + 5 * PER_HOUR)
    assert not schedule.is_due(state, last + 7 * PER_HOUR)


def test_ordinary_events_are_no_episode() -> None:
    state = one_of(schedule.FIELDS)

    for tick in multiples(PER_DAY, 5):
        schedule.note(state, ORDINARY, tick)

    assert not schedule.is_due(state, 100 + 5 * PER_DAY)


def test_nothing_is_due_where_time_is_not_known() -> None:
    assert not schedule.is_due(after(multiples(PER_DAY, 5)), schedule.tick_of(0))


@pytest.mark.parametrize("a_week", [1, 3, 12])
def test_random_episodes_are_hardly_ever_due(a_week: int) -> None:
    rng = np.random.default_rng(a_week)
    due, total = 0, 0

    for _ in range(300):
        begins = np.sort(rng.integers(1, 8 * 7 * PER_DAY, 8 * a_week))
        state = one_of(schedule.FIELDS)
        for tick in begins:
            due += schedule.is_due(state, tick)
            total += 1
            schedule.note(state, RARE, tick)

    assert due / total < 0.03


def p_values(values: Floats) -> Floats:
    times = MONDAY + STEP * np.arange(len(values), dtype=np.int64)
    return explain(AutoDetector(1).bank(1), values[:, None], times).p_values


def batches() -> Floats:
    """Return noise with a peak every forty hours."""
    values = noise(24 * DAY // STEP, 1)[:, 0]
    values[5 * BATCH :: BATCH] += 30.0
    return values


def test_a_peak_at_equal_intervals_becomes_normal() -> None:
    p = p_values(batches())

    assert (p[5 * BATCH : 7 * BATCH : BATCH] < 1e-4).all()
    assert (p[8 * BATCH :: BATCH] > 1e-3).all()


@pytest.mark.parametrize(("row", "size"), [(10 * BATCH + 200, 30.0), (10 * BATCH, 600.0)])
def test_a_peak_at_another_time_or_far_larger_is_rare(row: int, size: float) -> None:
    values = batches()
    values[row] = size

    assert p_values(values)[row] < 1e-4

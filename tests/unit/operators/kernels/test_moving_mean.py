"""Means that forget, and rates of events made of them."""

from __future__ import annotations

import pytest

from engine.domain.time_units import NS_PER_HOUR, NS_PER_SECOND
from operators.kernels.event_rate import events_per_day, next_mean_gap
from operators.kernels.moving_mean import newest_weight


def mean_of(gaps: list[float], memory: float) -> float:
    mean = 0.0
    for k, gap in enumerate(gaps):
        mean = next_mean_gap(mean, gap, k + 1.0, memory)
    return mean


def test_the_first_observations_count_alike() -> None:
    gaps = [1.0, 2.0, 6.0]

    assert mean_of(gaps, 10.0) == pytest.approx(3.0)


def test_later_ones_count_by_the_memory() -> None:
    assert newest_weight(500.0, 100.0) == 0.01


def test_events_out_of_order_add_no_time_and_are_counted() -> None:
    ordered, behind = [4.0, 4.0], [4.0, 8.0, -4.0]

    assert mean_of(behind, 10.0) == pytest.approx(mean_of(ordered, 10.0))


def test_the_rate_is_in_events_per_day() -> None:
    assert events_per_day(float(NS_PER_HOUR)) == 24


def test_equal_times_have_a_finite_rate() -> None:
    assert events_per_day(0.0) == 86_400 * NS_PER_SECOND

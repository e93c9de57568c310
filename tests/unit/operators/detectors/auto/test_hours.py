"""What recurs in a part of the day counts less there; what came once does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from operators.detectors.auto import hours, value
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import DAY, MINUTE, MONDAY, explain, noise, one

HOUR, DAYS = 17, 12
STEP = 5 * MINUTE
PER_DAY = DAY // STEP


def after_days(large: set[int], size: float) -> Any:
    """Return the record after days of equal hours, with one large hour on some of them."""
    state = one(value.record(16, 48, 24))
    for day in range(DAYS):
        for hour in range(24):
            found = size if hour == HOUR and day in large else 1.0
            hours.note_hour(state, hour, found)
    hours.note_hour(state, 0, 1.0)
    return state


@pytest.mark.parametrize("size", [10.0, 1_000.0])
def test_an_hour_that_was_large_once_stays_as_it_was(size: float) -> None:
    state = after_days({DAYS - 1}, size)

    assert hours.hour_factor(state, HOUR) > 0.7


def test_an_hour_that_is_large_each_day_counts_less() -> None:
    state = after_days(set(range(DAYS)), 10.0)

    assert hours.hour_factor(state, HOUR) < 0.2
    assert hours.hour_factor(state, HOUR - 1) == 1.0


@pytest.mark.parametrize("first", [20.0, 300.0])
def test_an_outlier_hides_no_other_one_in_its_hour_of_the_next_day(first: float) -> None:
    rows = np.arange(12 * PER_DAY)
    values = noise(len(rows), 1)[:, 0] + 20.0 * np.sin(2.0 * np.pi * rows / PER_DAY)
    outliers = [8 * PER_DAY + 200, 9 * PER_DAY + 203]
    values[outliers] += first, 9.0

    found = explain(AutoDetector(1).bank(1), values[:, None], MONDAY + STEP * rows)

    assert (found.p_values[outliers] < 1e-4).all()

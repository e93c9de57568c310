"""Season: how far a value lies from what its hour of the week brought before.

A level that has lain off for a while is old news: part of how far the last values lay off is
expected of the next one too, as in an autoregression of the errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

HOURS = 168
NS_PER_HOUR = 3_600_000_000_000
KNOWN = 3
"""Values of an hour of the week that make it known; before, the same hour of all days serves."""
MEMORY = 1 / 0.03
"""Values that the mean of an hour rests on."""
ERROR_MEMORY = 1_000.0
CLIP = 8.0
"""An error is learned as at most so many mean errors."""
CARRIED = 0.6
"""Part of how far the last values lay off that is expected of the next one,"""
LATELY = 0.3
"""and weight of the newest among them."""

FIELDS = [
    ("season_means", "<f4", (HOURS,)),
    ("season_counts", "u1", (HOURS,)),
    ("season_off", "<f4"),
    ("season_error", "<f4"),
    ("season_errors", "<u2"),
]


@njit(error_model="numpy")
def hour_of(time: int) -> int:
    """Return the hour of the week of a time in ns."""
    return (time // NS_PER_HOUR) % HOURS


@njit(error_model="numpy")
def expected(state: Any, hour: int) -> float:
    """Return what an hour brings; NaN if no day had it."""
    if state.season_counts[hour] >= KNOWN:
        return np.float64(state.season_means[hour])
    total, weight = 0.0, 0.0
    for k in range(hour % 24, HOURS, 24):
        total += state.season_means[k] * np.float64(state.season_counts[k])
        weight += state.season_counts[k]
    return total / weight if weight > 0.0 else np.nan


@njit(error_model="numpy")
def error(state: Any, value: float, hour: int, scale: float) -> float:
    """Return the distance to the expected value in mean errors; NaN while nothing is expected.

    A hundredth of the value's scale is the least error taken for real.
    """
    if state.season_errors == 0:
        return np.nan
    off = value - expected(state, hour) - CARRIED * state.season_off
    return abs(off) / max(np.float64(state.season_error), 0.01 * scale)


@njit(error_model="numpy")
def learn(state: Any, value: float, hour: int) -> None:
    """Move the mean error and what is carried, then the mean of the hour."""
    off = value - expected(state, hour)
    if not np.isnan(off):
        distance = abs(off - CARRIED * state.season_off)
        if state.season_errors > 0 and state.season_error > 0.0:
            bound = CLIP * np.float64(state.season_error)
            distance, off = min(distance, bound), min(max(off, -bound), bound)
        state.season_errors = min(state.season_errors + 1, 65_535)
        rate = max(1.0 / state.season_errors, 1.0 / ERROR_MEMORY)
        state.season_error += rate * (distance - state.season_error)
        state.season_off += LATELY * (off - state.season_off)
    count = min(state.season_counts[hour] + 1, 255)
    state.season_counts[hour] = count
    rate = max(1.0 / count, 1.0 / MEMORY)
    state.season_means[hour] += rate * (value - state.season_means[hour])

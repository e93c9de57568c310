"""Season: how far a value lies from what its hour of the week brought before."""

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

FIELDS = [
    ("season_means", "<f4", (HOURS,)),
    ("season_counts", "u1", (HOURS,)),
    ("season_error", "<f4"),
    ("season_errors", "<u4"),
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
    return abs(value - expected(state, hour)) / max(np.float64(state.season_error), 0.01 * scale)


@njit(error_model="numpy")
def learn(state: Any, value: float, hour: int) -> None:
    """Move the mean error, then the mean of the hour."""
    distance = abs(value - expected(state, hour))
    if not np.isnan(distance):
        if state.season_errors > 0 and state.season_error > 0.0:
            distance = min(distance, CLIP * state.season_error)
        state.season_errors = min(state.season_errors + 1, 1_000_000)
        rate = max(1.0 / state.season_errors, 1.0 / ERROR_MEMORY)
        state.season_error += rate * (distance - state.season_error)
    count = min(state.season_counts[hour] + 1, 255)
    state.season_counts[hour] = count
    rate = max(1.0 / count, 1.0 / MEMORY)
    state.season_means[hour] += rate * (value - state.season_means[hour])

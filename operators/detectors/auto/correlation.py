"""Correlation: each value against its prediction from the other values.

The covariance of the standardised deviations is forgotten exponentially and inverted periodically.
The inverse P gives every value's regression on the others: with u = P z the standardised residual
of value j is u_j / sqrt(P_jj). A lost or inverted correlation raises the mean squared residual,
while each value by itself stays ordinary.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Floats
from operators.kernels.moving_mean import newest_weight

MOST_VALUES = 40
"""Largest number of values with a covariance, whose size and cost grow with its square."""
MEMORY_EVENTS = 4_000.0
SOLVED_EVENTS = 256
FIRST_SOLVED = 64
RIDGE = 0.003
EARLY_RIDGE = 2.0
"""Variance added to each value, and its counterpart, divided by the events, for young entities."""
RECENT_EVENTS = 16.0
"""Memory of the mean squared residual in events."""
CLIP = 4.0
"""Largest deviation and residual in standard deviations."""


def fields(d: int) -> list[Any]:
    """Return the fields for d values."""
    side = d if 1 < d <= MOST_VALUES else 1
    return [
        ("covariance", "<f4", (side, side)),
        ("inverse", "<f4", (side, side)),
        ("recent", "<f4", (side,)),
    ]


@njit(error_model="numpy")
def residuals(state: Any, z: Floats, seen: int, squares: Floats) -> float:
    """Fill in the recent mean squared residual of each value; return the largest, or NaN."""
    d = len(z)
    if seen < FIRST_SOLVED or d > MOST_VALUES:
        return np.nan
    largest = 0.0
    for j in range(d):
        total = np.float32(0.0)
        for k in range(d):
            total += state.inverse[j, k] * np.float32(z[k])
        residual = abs(float(total)) / sqrt(max(float(state.inverse[j, j]), 1e-9))
        residual = min(residual, CLIP)
        squares[j] = state.recent[j] + (residual * residual - state.recent[j]) / RECENT_EVENTS
        largest = max(largest, squares[j])
    return largest


@njit(error_model="numpy")
def learn(state: Any, z: Floats, seen: int, squares: Floats) -> None:
    """Learn standardised deviations, each in -CLIP..CLIP."""
    d = len(z)
    if d > MOST_VALUES:
        return
    rate = np.float32(newest_weight(seen + 1.0, MEMORY_EVENTS))
    for j in range(d):
        scaled = rate * np.float32(z[j])
        for k in range(d):
            state.covariance[j, k] += scaled * np.float32(z[k]) - rate * state.covariance[j, k]
    if seen >= FIRST_SOLVED:
        for j in range(d):
            state.recent[j] = squares[j]
    if seen % SOLVED_EVENTS == SOLVED_EVENTS - 1 or seen == FIRST_SOLVED - 1:
        _invert(state, d, seen)


@njit(error_model="numpy")
def _invert(state: Any, d: int, seen: int) -> None:
    """Invert the covariance by Gauss and Jordan; it is positive definite by its ridge."""
    a = np.empty((d, d))
    for j in range(d):
        for k in range(d):
            a[j, k] = state.covariance[j, k]
        a[j, j] = max(a[j, j], 0.0) + RIDGE + EARLY_RIDGE / (seen + 1.0)
    for j in range(d):
        pivot = 1.0 / a[j, j]
        a[j, j] = 1.0
        for k in range(d):
            a[j, k] *= pivot
        for i in range(d):
            if i != j:
                factor = a[i, j]
                a[i, j] = 0.0
                for k in range(d):
                    a[i, k] -= factor * a[j, k]
    for j in range(d):
        for k in range(d):
            state.inverse[j, k] = a[j, k]

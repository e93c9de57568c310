"""Correlation: each value against its prediction from the other values.

The covariance of the standardised deviations is forgotten exponentially and inverted periodically.
The inverse P gives every value's regression on the others: with u = P z the standardised residual
of value j is u_j / sqrt(P_jj). A lost or inverted correlation raises the mean squared residual,
while each value by itself stays ordinary.

Both matrices are symmetric: the rows of each are kept up to the diagonal, one after another.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.kernels.kernel_part import kernel_part
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
    kept = side * (side + 1) // 2
    return [
        ("covariance", "<f4", (kept,)),
        ("inverse", "<f4", (kept,)),
        ("recent", "<f4", (side,)),
    ]


@kernel_part
def forget(state: Any) -> None:
    """Start afresh."""
    state.covariance[:] = 0.0
    state.inverse[:] = 0.0
    state.recent[:] = 0.0


@kernel_part
def residuals(state: Any, z: Floats, present: int, seen: int, squares: Floats) -> float:
    """Fill in the recent mean squared residual of each value; return the largest.

    NaN before the first solution, and where fewer than two values are `present`.
    """
    d = len(z)
    if seen < FIRST_SOLVED or d > MOST_VALUES:
        return np.nan
    if present < 2:
        # One value alone is related to nothing.
        for j in range(len(squares)):
            squares[j] = state.recent[j]
        return np.nan
    _times_inverse(state.inverse, z, squares)
    largest = 0.0
    for j in range(d):
        diagonal = np.float64(state.inverse[_row(j) + j])
        residual = min(abs(squares[j]) / sqrt(max(diagonal, 1e-9)), CLIP)
        squares[j] = state.recent[j] + (residual * residual - state.recent[j]) / RECENT_EVENTS
        largest = max(largest, squares[j])
    return largest


@kernel_part
def _row(j: int) -> int:
    """Return where row j begins."""
    return j * (j + 1) // 2


@kernel_part
def _times_inverse(inverse: Any, z: Floats, product: Floats) -> None:
    """Fill in the product of the inverse and z."""
    for j in range(len(z)):
        row, total = _row(j), 0.0
        for k in range(j + 1):
            total += inverse[row + k] * z[k]
        # Apart from the sum, so that it is vectorised.
        for k in range(j):
            product[k] += inverse[row + k] * z[j]
        product[j] = total


@kernel_part
def learn(state: Any, z: Floats, seen: int, squares: Floats) -> None:
    """Learn standardised deviations, each in -CLIP..CLIP."""
    d = len(z)
    if d > MOST_VALUES:
        return
    rate = np.float32(newest_weight(seen + 1.0, MEMORY_EVENTS))
    for j in range(d):
        row, scaled = _row(j), rate * np.float32(z[j])
        for k in range(j + 1):
            before = state.covariance[row + k]
            state.covariance[row + k] = before + (scaled * np.float32(z[k]) - rate * before)
    if seen >= FIRST_SOLVED:
        for j in range(d):
            state.recent[j] = squares[j]
    if seen % SOLVED_EVENTS == SOLVED_EVENTS - 1 or seen == FIRST_SOLVED - 1:
        _invert(state, d, seen)


@kernel_part
def _invert(state: Any, d: int, seen: int) -> None:
    """Invert the covariance by Gauss and Jordan; it is positive definite by its ridge."""
    a = np.empty((d, d))
    for j in range(d):
        for k in range(j + 1):
            a[j, k] = state.covariance[_row(j) + k]
            a[k, j] = a[j, k]
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
        for k in range(j + 1):
            state.inverse[_row(j) + k] = a[j, k]

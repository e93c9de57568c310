"""Growth: how errors grow with the value that is expected.

Traffic, rates and latencies vary by a part of their size: an error of ten is large at night and
none at noon. The mean error is a straight line over the expected value, found by a regression with
a short memory; it needs no zero of the value, so that a constant added to all values changes
nothing. A slope that chance explains is taken for none.
"""

from __future__ import annotations

from math import expm1, log, log1p
from typing import Any

import numpy as np

from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight

MEMORY_EVENTS = 4_000.0
"""Memory of the regression in values, or in means of blocks."""
LEAST, MOST = 1 / 4, 4.0
"""Bounds of the usual error at any value, as multiples of the mean error."""
CHANCE = 4.0
"""Slope, in standard errors, up to which chance explains it."""
CLIP = 4.0
"""Largest error that counts, in usual errors at the value: rare jumps do not count as noise."""

FIELDS = [
    ("center", "<f4"),
    ("variance", "<f4"),
    ("product", "<f4"),
    ("error", "<f4"),
]


@kernel_part
def forget(state: Any) -> None:
    """Start afresh."""
    state.center = 0.0
    state.variance = 0.0
    state.product = 0.0
    state.error = 0.0


@kernel_part
def slope_of(state: Any, seen: int, events: int) -> float:
    """Return by how much errors grow with the value, relative to the mean error; 0 by chance.

    Args:
        state: the record.
        seen: values learned.
        events: values in a block, 1 if each is judged.
    """
    error = np.float64(state.error)
    variance = np.float64(state.variance)
    if not (error > 0.0 and variance > 0.0):
        return 0.0
    slope = state.product / variance
    # Errors of noise differ by about as much as their mean.
    uncertain = error * error / (min(np.float64(seen), MEMORY_EVENTS * events) * variance)
    chance = CHANCE * CHANCE * uncertain
    square = slope * slope
    if square <= chance:
        return 0.0
    return slope * (1.0 - chance / square) / error


@kernel_part
def factor(state: Any, slope: float, value: float) -> float:
    """Return the usual error at a value, as a multiple of the mean error."""
    return min(max(1.0 + slope * (value - state.center), LEAST), MOST)


@kernel_part
def distance(
    state: Any, slope: float, start: float, end: float, unit: float, floor: float
) -> float:
    """Return the distance of two values, each part of it in usual errors there.

    Of noise in proportion to the value it is the difference of the logarithms.

    Args:
        state: the record.
        slope: of `slope_of`.
        start: the value that is expected.
        end: the value that came.
        unit: the mean error.
        floor: the least error at any value.

    Returns:
        A number of mean errors, times `unit`; negative if the value is too low.
    """
    off = end - start
    if slope == 0.0:
        return off
    first, last = slope * (start - state.center), slope * (end - state.center)
    far = (_stretched(last) - _stretched(first)) / slope
    most = abs(off) * unit / floor if floor > 0.0 else np.inf
    return min(max(far, -most), most)


@kernel_part
def reach(
    state: Any, slope: float, start: float, end: float, size: float, unit: float, floor: float
) -> float:
    """Return how far a distance of a size reaches from a value toward another one.

    The arguments are those of `distance`.
    """
    if slope == 0.0:
        return size
    off = slope * (start - state.center)
    side = slope if end >= start else -slope
    far = abs((_shrunk(_stretched(off) + side * size) - off) / slope)
    return max(far, size * floor / unit) if unit > 0.0 else far


@kernel_part
def _stretched(off: float) -> float:
    """Return the integral of 1 / factor over the growth of the factor beyond 1."""
    inside = min(max(off, LEAST - 1.0), MOST - 1.0)
    return log1p(inside) + (off - inside) / (1.0 + inside)


@kernel_part
def _shrunk(stretched: float) -> float:
    inside = min(max(stretched, log(LEAST)), log(MOST))
    off = expm1(inside)
    return off + (stretched - inside) * (1.0 + off)


@kernel_part
def learn(state: Any, expected: float, size: float, unit: float, seen: int, events: int) -> None:
    """Learn the size of an error where a value was expected, after `seen` others.

    `unit` is the usual error there: more than `CLIP` of it counts as that.
    """
    if seen == 0 or state.error == 0.0:
        state.center = expected
        state.error = unit
    size = min(size, CLIP * unit)
    rate = newest_weight(seen + 1.0, MEMORY_EVENTS * events)
    off = expected - state.center
    state.product += rate * ((1.0 - rate) * off * (size - state.error) - state.product)
    state.variance += rate * ((1.0 - rate) * off * off - state.variance)
    state.center += rate * off
    state.error += rate * (size - state.error)

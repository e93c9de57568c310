"""Gauge: a positive statistic turned into a distance from its usual size.

The logarithm is centred and scaled by its own mean and mean deviation, so that the distance is 1
where the statistic is usual, and passes the first level of a `tail` where the logarithm lies 2.55
standard deviations off.
"""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np

from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight

STEEPNESS = log(3.2) / 2.55
SIGMA_OF_DEVIATION = 1.2533
"""A normal value's standard deviation, as a multiple of its mean absolute deviation."""
LEAST_SPREAD = 0.03
"""Lower bound of the mean deviation of the logarithm."""
MEMORY_EVENTS = 1_000.0
CLIP = 3.0
LARGEST_EXPONENT = 30.0

RECORD = np.dtype([("center", "<f4"), ("spread", "<f4"), ("events", "<u2")])


@kernel_part
def distance(gauge: Any, logarithm: float, sign: float) -> float:
    """Return the distance of a statistic by its logarithm; NaN before the first.

    Args:
        gauge: the record.
        logarithm: the logarithm of the statistic; NaN gives NaN.
        sign: 1 if large statistics are anomalous, -1 if small ones are.
    """
    if gauge.events < 10:
        return np.nan
    spread = SIGMA_OF_DEVIATION * max(np.float64(gauge.spread), LEAST_SPREAD)
    exponent = STEEPNESS * sign * (logarithm - gauge.center) / spread
    return exp(min(exponent, LARGEST_EXPONENT)) if exponent == exponent else np.nan


@kernel_part
def deviation(gauge: Any, logarithm: float) -> float:
    """Return a logarithm's deviation in standard deviations; 0 before the first and for NaN."""
    if gauge.events < 10 or np.isnan(logarithm):
        return 0.0
    spread = SIGMA_OF_DEVIATION * max(np.float64(gauge.spread), LEAST_SPREAD)
    return (logarithm - gauge.center) / spread


@kernel_part
def forget(gauge: Any) -> None:
    """Start afresh."""
    gauge.center = 0.0
    gauge.spread = 0.0
    gauge.events = 0


@kernel_part
def learn(gauge: Any, logarithm: float, memory: float = MEMORY_EVENTS) -> None:
    """Learn the logarithm of a statistic; `memory` is the memory in events."""
    if np.isnan(logarithm):
        return
    gauge.events = min(gauge.events + 1, 65_535)
    rate = newest_weight(gauge.events, memory)
    off = logarithm - gauge.center
    if gauge.events > 20:
        bound = CLIP * max(np.float64(gauge.spread), LEAST_SPREAD)
        off = min(max(off, -bound), bound)
    gauge.spread += rate * (abs(off) - gauge.spread)
    gauge.center += rate * off

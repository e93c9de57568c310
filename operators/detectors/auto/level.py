"""Level: mean and scale of a value, which forget, and which one outlier hardly moves."""

from __future__ import annotations

from math import sqrt

from numba import njit

MEMORY = 5_000.0
"""Events that mean and variance rest on, once there are so many."""
CLIP = 8.0
"""A deviation is learned as at most so many standard deviations."""
CLIP_FROM = 50
"""Events before deviations are clipped."""
RELATIVE_FLOOR = 1e-3
"""Least scale, as a part of the mean: a constant that stirs is no emergency."""
GREATEST = 1e100
"""Values are taken as at most this, so that their squares are finite."""

FIELDS = [("mean", "<f8"), ("variance", "<f8"), ("seen", "<u4")]


@njit(error_model="numpy")
def bounded(value: float) -> float:
    """Return a value as the evidences take it: infinities become very large."""
    return min(max(value, -GREATEST), GREATEST)


@njit(error_model="numpy")
def scale_of(mean: float, variance: float) -> float:
    """Return the standard deviation, but never below its floor; 1 where all was 0."""
    least = max(sqrt(variance), RELATIVE_FLOOR * abs(mean))
    return least if least > 0.0 else 1.0


@njit(error_model="numpy")
def moved(mean: float, variance: float, seen: int, value: float) -> tuple[float, float]:
    """Return mean and variance after a value; `seen` came before it."""
    if seen == 0:
        return value, 0.0
    step = value - mean
    if seen > CLIP_FROM:
        bound = CLIP * scale_of(mean, variance)
        step = min(max(step, -bound), bound)
    rate = max(1.0 / (seen + 1.0), 1.0 / MEMORY)
    return mean + rate * step, (1.0 - rate) * (variance + rate * step * step)

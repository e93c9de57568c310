"""Rarity: the surprise at a value, by a histogram of all standardised values so far."""

from __future__ import annotations

from math import asinh, log
from typing import Any

from numba import njit

BINS = 52
PER_UNIT = 4.0
"""Bins of asinh(z): fine near the mean, and wide enough to hold 330 standard deviations."""
MEMORY = 10_000
"""Events after which counts are halved."""
NOW = 0.5
LASTING = 2 / 31
"""Weights of the newest surprise in the two means."""

FIELDS = [
    ("bins", "<u2", (BINS,)),
    ("counted", "<u2"),
    ("surprise_now", "<f4"),
    ("surprise_lasting", "<f4"),
]


@njit(error_model="numpy")
def bin_of(z: float) -> int:
    """Return the bin of a standardised value."""
    return int(min(max(round(PER_UNIT * asinh(z)) + BINS // 2, 0), BINS - 1))


@njit(error_model="numpy")
def surprise(state: Any, z: float) -> float:
    """Return -ln of the share of such values, with a small prior for what never came."""
    return -log((state.bins[bin_of(z)] + 0.05) / (state.counted + 0.8))


@njit(error_model="numpy")
def learn(state: Any, z: float, surprised: float) -> None:
    """Count a value, and move the two means of the surprise at it."""
    state.bins[bin_of(z)] += 1
    state.counted += 1
    state.surprise_now += NOW * (surprised - state.surprise_now)
    state.surprise_lasting += LASTING * (surprised - state.surprise_lasting)
    if state.counted >= MEMORY:
        total = 0
        for k in range(BINS):
            state.bins[k] //= 2
            total += state.bins[k]
        state.counted = total

"""Tails: how heavy those of the values are, and whether there are two, told from their bulk.

Heavy tails set new records that lie far out, and all evidences rise together. Their bulk gives
them away long before there are many records: measured in standard deviations, which the tails
have stretched, more of the values lie near the mean. Where there is one tail only, as in sizes and
waiting times, records are half as frequent.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from operators.detectors.auto import rarity

NEAR = 2
"""Bins of asinh(z) on each side of the mean's that are near it: up to 0.67 deviations."""
OUT = 5
"""Bins from the mean's to the first that is out in a tail: from 1.38 deviations on."""
USUAL = 0.5
"""Share of normally distributed values that are near the mean, rounded up."""
PRIOR = 0.5
"""Events in each tail that are taken for granted."""


@njit(error_model="numpy")
def heaviness(state: Any) -> float:
    """Return by how much the share of values near the mean exceeds the usual one, in 0..0.5."""
    near = 0
    for k in range(rarity.BINS // 2 - NEAR, rarity.BINS // 2 + NEAR + 1):
        near += state.bins[k]
    return max(near / (state.counted + 1.0) - USUAL, 0.0)


@njit(error_model="numpy")
def sides(state: Any) -> float:
    """Return how many tails there are: 1 where one side has all that is out, 2 for halves."""
    low, high = PRIOR, PRIOR
    for k in range(OUT, rarity.BINS // 2):
        high += state.bins[rarity.BINS // 2 + k]
        low += state.bins[rarity.BINS // 2 - k]
    return 1.0 + 2.0 * min(low, high) / (low + high)

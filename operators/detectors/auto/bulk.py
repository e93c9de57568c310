"""Bulk: what the bulk of several values says of their tails, as `tails` does of one value's."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Floats
from operators.detectors.auto import level

NEAR, OUT = 0.67, 1.38
"""Standard deviations up to which a value is near its mean, and from which it is out in a tail."""
USUAL, USUALLY_OUT = 0.5, 0.17
"""Shares of normally distributed values that are so."""
MEMORY = 5_000.0
"""Events that the shares rest on, once there are so many."""
ONE_SIDED = 0.03
"""What a single tail counts, beside the share of near values above the usual one."""
HEAVY = 0.065
"""From so much on tails are as heavy as they get,"""
FROM, STRETCH, LASTING = 2.2, 0.33, 2 / 3
"""and what lies beyond a score of so much is stretched by that part of it, at first; the last is
what remains of that"""
FADES = 600.0
"""as time goes by: after so many events the rest counts for less and less."""

FIELDS = [("near", "<f4"), ("above", "<f4"), ("below", "<f4")]
"""Shares of the values that are near, and out above and below."""


@njit(error_model="numpy")
def heaviness(state: Any, values: int) -> float:
    """Return how heavy the tails are, in 0..1; values is their number d."""
    heavy = max(np.float64(state.near) - USUAL, 0.0) + ONE_SIDED * one_sidedness(state, values)
    return min(heavy / HEAVY, 1.0)


@njit(error_model="numpy")
def one_sidedness(state: Any, values: int) -> float:
    """Return 1 where all that is out is on one side, 0 for halves, and for what may be chance."""
    told = values * max(state.seen, 1.0)
    above, below = state.above * told + 1.0, state.below * told + 1.0
    chance = 1.0 / sqrt(USUALLY_OUT * told)
    return max(1.0 - 2.0 * min(above, below) / (above + below) - chance, 0.0)


@njit(error_model="numpy")
def excess(state: Any, score: float, values: int) -> float:
    """Return what heavy tails have added to a score, in decimal powers."""
    fading = min(FADES / max(state.seen, 1.0), 1.0)
    stretched = STRETCH * (LASTING + (1.0 - LASTING) * fading)
    return stretched * heaviness(state, values) * max(score - FROM, 0.0)


@njit(error_model="numpy")
def learn(state: Any, x: Floats, scales: Floats) -> None:
    """Count values; to be called before the levels count them. Gaps say nothing."""
    near, above, below, known = 0.0, 0.0, 0.0, 0.0
    for j in range(len(x)):
        if state.known[j] == 0 or np.isnan(x[j]):
            continue
        z = (level.bounded(x[j]) - state.mean[j]) / scales[j]
        near += abs(z) <= NEAR
        above += z > OUT
        below += z < -OUT
        known += 1.0
    if known > 0.0:
        rate = max(1.0 / state.seen, 1.0 / MEMORY)
        state.near += rate * (near / known - state.near)
        state.above += rate * (above / known - state.above)
        state.below += rate * (below / known - state.below)

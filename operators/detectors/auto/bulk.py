"""Bulk: what the bulk of several values says of their kind of noise.

How heavy their tails are, as `tails` says it of one value; and how much an event varies as a whole.
The more values there are, the less their sum of squares does, unless they go together: then it is
that of a few. Where levels move, it is often larger than it used to be.
"""

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
STRETCH, LASTING = 0.345, 0.49
"""and they stretch scores by that part; the last is what remains of it"""
FADES = 270.0
"""as time goes by: after so many events the rest counts for less and less."""
SETTLED = 25
"""Events before the first that is looked at as a whole: their scales are not known yet."""
CALM, STIRRED = 0.28, 0.13
"""Shares of events that are near and out as a whole, of three independent normal values."""
ALIKE, MOVED, MOST_MOVED = 0.55, 1.3, 0.12
"""What more calm events (their root), and more stirred ones, add to the stretch; no more than so
many of these count."""

FIELDS = [("near", "<f4"), ("above", "<f4"), ("below", "<f4"), ("calmer", "<f4"), ("wilder", "<f4")]
"""Shares of the values that are near, and out above and below; by how much the shares of events
that are near and out as a whole exceed the usual ones."""


@njit(error_model="numpy")
def heaviness(state: Any) -> float:
    """Return how heavy the tails are, in 0..1."""
    heavy = max(np.float64(state.near) - USUAL, 0.0) + ONE_SIDED * one_sidedness(state)
    return min(heavy / HEAVY, 1.0)


@njit(error_model="numpy")
def one_sidedness(state: Any) -> float:
    """Return 1 where all that is out is on one side, 0 for halves, and for what may be chance."""
    told = len(state.known) * max(state.seen, 1.0)
    above, below = state.above * told + 1.0, state.below * told + 1.0
    chance = 1.0 / sqrt(USUALLY_OUT * told)
    return max(1.0 - 2.0 * min(above, below) / (above + below) - chance, 0.0)


@njit(error_model="numpy")
def stretch(state: Any) -> float:
    """Return by what part of itself a score is higher than that of three normal values.

    Below 0 for many values that do not go together.
    """
    heavy = heaviness(state)
    fading = min(FADES / max(state.seen, 1.0), 1.0)
    of_tails = STRETCH * (LASTING + (1.0 - LASTING) * fading)
    alike = ALIKE * (sqrt(max(CALM + state.calmer, 0.0)) - sqrt(CALM))
    moved = MOVED * min(np.float64(state.wilder), MOST_MOVED)
    return of_tails * heavy + (alike + moved) * (1.0 - heavy)


@njit(error_model="numpy")
def learn(state: Any, x: Floats, scales: Floats, size: float) -> None:
    """Count values; to be called before the levels count them. Gaps say nothing.

    Args:
        state: the entity's record.
        x: float64 [d], the values.
        scales: float64 [d], theirs.
        size: the root of their mean square, in scales.
    """
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
        if state.seen >= SETTLED:
            _learn_whole(state, size)


@njit(error_model="numpy")
def _learn_whole(state: Any, size: float) -> None:
    rate = max(1.0 / (state.seen - SETTLED + 1.0), 1.0 / MEMORY)
    state.calmer += rate * ((size <= NEAR) - CALM - state.calmer)
    state.wilder += rate * ((size > OUT) - STIRRED - state.wilder)

"""Nearness: how far an event of several values is from a sample of earlier ones."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Floats
from operators.detectors.auto import dice

SAMPLE = 64
LEAST = 8
"""Events in the sample before distances are told."""
MEMORY = 8_000
"""The sample is uniform over so many events, then forgets as fast as that."""
FARTHEST = 100.0
"""A single value lies at most so many scales off."""
STRANGE = 2.5
"""A distance of so many usual ones is strange,"""
ADMITTED = 0.1
"""and gets into the sample so much more seldom: a burst shall not vouch for itself."""
USUAL_MEMORY = 500.0


def fields(values: int) -> list[tuple[object, ...]]:
    """Return the fields of the record for so many values."""
    return [
        ("sample", "<f4", (SAMPLE, values)),
        ("sampled", "<u4"),
        ("usual", "<f4"),
    ]


@njit(error_model="numpy")
def distance(state: Any, offsets: Floats, scales: Floats) -> float:
    """Return the root mean square distance to the third nearest event of the sample.

    Args:
        state: the entity's record.
        offsets: float64 [d], the values from the entity's origin.
        scales: float64 [d], the scale of each.
    """
    if state.sampled < LEAST:
        return np.nan
    d = len(offsets)
    first = second = third = np.inf
    for k in range(min(state.sampled, SAMPLE)):
        total = 0.0
        for j in range(d):
            gap = min(abs(state.sample[k, j] - offsets[j]) / scales[j], FARTHEST)
            total += gap * gap
        if total < first:
            first, second, third = total, first, second
        elif total < second:
            second, third = total, second
        elif total < third:
            third = total
    return sqrt(third / d)


@njit(error_model="numpy")
def learn(state: Any, offsets: Floats, far: float) -> None:
    """Let chance put an event into the sample; `far` is its distance."""
    strange = state.sampled > SAMPLE and far > STRANGE * state.usual
    if state.sampled > LEAST:
        usual = np.float64(state.usual)
        bound = 3.0 * usual if usual > 0.0 and state.sampled > SAMPLE else far
        rate = max(1.0 / (state.sampled - LEAST), 1.0 / USUAL_MEMORY)
        state.usual += rate * (min(far, bound) - usual)
    seen = state.sampled + 1
    state.sampled = min(seen, MEMORY)
    if seen <= SAMPLE:
        place = seen - 1
    else:
        chance = ADMITTED if strange else 1.0
        place = int(dice.roll(state) * seen / chance)
    if place < SAMPLE:
        for j in range(len(offsets)):
            state.sample[place, j] = offsets[j]

"""Shape: how far the last values are from every run of values in a sample of the past."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numba import njit

from operators.detectors.auto import dice

LENGTH = 4
SAMPLE = 16
LEAST = 8
"""Runs in the sample before distances are told."""
MEMORY = 8_000
"""The sample is uniform over so many runs, then forgets as fast as that."""

FIELDS = [
    ("tail", "<f4", (LENGTH,)),
    ("runs", "<f4", (SAMPLE, LENGTH)),
    ("sampled", "<u2"),
]


@njit(error_model="numpy")
def distance(state: Any, value: float, scale: float) -> float:
    """Return the distance of the run that ends in a value to the third nearest, in scales."""
    if state.sampled < LENGTH + LEAST:
        return np.nan
    first = second = third = np.inf
    for k in range(min(state.sampled - LENGTH, SAMPLE)):
        gap = (value - state.runs[k, LENGTH - 1]) / scale
        total = gap * gap
        for i in range(LENGTH - 1):
            gap = (state.tail[i + 1] - state.runs[k, i]) / scale
            total += gap * gap
        if total < first:
            first, second, third = total, first, second
        elif total < second:
            second, third = total, second
        elif total < third:
            third = total
    return sqrt(third / LENGTH)


@njit(error_model="numpy")
def learn(state: Any, value: float) -> None:
    """Append a value; let chance put the run that ends in it into the sample."""
    for i in range(LENGTH - 1):
        state.tail[i] = state.tail[i + 1]
    state.tail[LENGTH - 1] = value
    state.sampled = min(state.sampled + 1, MEMORY + LENGTH)
    seen = state.sampled - LENGTH
    if seen <= 0:
        return
    place = seen - 1 if seen <= SAMPLE else int(dice.roll(state) * seen)
    if place < SAMPLE:
        for i in range(LENGTH):
            state.runs[place, i] = state.tail[i]

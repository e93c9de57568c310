"""Neighbours: the distance of an event from a sample of earlier events of the entity.

The distance is that to the third nearest of a reservoir (J. S. Vitter, ACM Transactions on
Mathematical Software 11, 1985) of standardised events. Old events are replaced at a rate of one in
`MEMORY_EVENTS`.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from operators.kernels.kernel_part import kernel_part

MEMORY_EVENTS = 8_000


def fields(width: int, size: int, number: str = "<f4") -> list[Any]:
    """Return the fields of a sample of `size` vectors of `width` numbers of a type."""
    return [("sample", number, (size, width)), ("random", "<u4")]


@kernel_part
def distance(state: Any, x: Any, seen: int) -> float:
    """Return the root mean square distance to the third nearest; NaN until the sample is full."""
    size, width = state.sample.shape
    if seen < size:
        return np.nan
    first, second, third = np.float32(1e30), np.float32(1e30), np.float32(1e30)
    for i in range(size):
        total = np.float32(0.0)
        for k in range(width):
            apart = np.float32(state.sample[i, k]) - x[k]
            total += apart * apart
        if total < third:
            if total < second:
                third = second
                if total < first:
                    second, first = first, total
                else:
                    second = total
            else:
                third = total
    return sqrt(third / width)


@kernel_part
def learn(state: Any, x: Any, seen: int) -> None:
    """Add a vector to the sample, with the probability of a reservoir."""
    size, width = state.sample.shape
    place = seen
    if seen >= size:
        # A linear congruential generator (Numerical Recipes) is good enough for sampling.
        state.random = np.uint32(np.uint64(1664525) * state.random + np.uint64(1013904223))
        place = int(np.uint64(state.random) * np.uint64(min(seen, MEMORY_EVENTS)) >> np.uint64(32))
    if place < size:
        for k in range(width):
            state.sample[place, k] = x[k]

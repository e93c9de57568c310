"""Still: how many moves are missing since the value last moved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

ALLOWED = 3
"""Equal values in a row that are nothing: sensors round."""
RATE = 1 / 500
"""At which what was long ago is forgotten; a constant never moved, and misses none."""

FIELDS = [("unmoved", "<u2"), ("moving", "<f4")]


@njit(error_model="numpy")
def missed(state: Any, offset: float, last: float) -> float:
    """Return how many moves the run of equal values that a value continues has left out.

    Args:
        state: the entity's record.
        offset: the value from the entity's origin.
        last: the same of the value before.
    """
    run = max(state.unmoved + 1.0 - ALLOWED, 0.0)
    return run * np.float64(state.moving) if is_same(offset, last) else 0.0


@njit(error_model="numpy")
def learn(state: Any, offset: float, last: float) -> None:
    """Count a value; `last` is the one before."""
    same = is_same(offset, last)
    state.unmoved = min(state.unmoved + 1, 65_535) if same else 0
    moved = 0.0 if same else 1.0
    state.moving += RATE * (moved - np.float64(state.moving))


@njit(error_model="numpy")
def ties(state: Any) -> float:
    """Return the share of the values that are the same as the one before, among the last ones."""
    begun = 1.0 - (1.0 - RATE) ** np.float64(state.seen)
    return max(1.0 - np.float64(state.moving) / begun, 0.0) if begun > 0.0 else 0.0


@njit(error_model="numpy")
def is_same(offset: float, last: float) -> bool:
    """Return whether two values are the same; the one before was kept with seven digits."""
    return abs(offset - last) <= 1e-6 * abs(last)

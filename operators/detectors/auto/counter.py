"""Counter: a value that only rises is seen by its increments, and may be reset.

A value is taken for a counter once it has risen often and not fallen; a fall by no more than a few
usual steps shows that it is none. Each fall makes as many more rises necessary: a smooth day also
rises for hours. A fall back by much is a reset: how rare it is follows from the resets there were
and from its size, and one at an hour of the day that had one before is usual.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from engine.domain.time_units import NS_PER_HOUR

ENOUGH_RISES = 48
"""Rises without a fall that make a value a counter, times one more than the falls before."""
SMALL_FALL = 20.0
"""A fall by fewer usual steps is none of a counter's."""
YOUNG_HOURS = 24

FIELDS = [
    ("rises", "u1"),
    ("falls", "u1"),
    ("is_counter", "u1"),
    ("resets", "u1"),
    ("reset_hours", "<u4"),
    ("step", "<f4"),
    ("last_raw", "<f8"),
    ("first_time", "<i8"),
]


@njit(error_model="numpy")
def changes_mode(state: Any, value: float) -> bool:
    """Note whether a value rises; return whether it became a counter, or is one no longer."""
    change = value - state.last_raw
    if state.is_counter:
        if change < 0.0 and -change < SMALL_FALL * state.step:
            state.is_counter = 0
            state.rises = 0
            state.falls = min(state.falls + 1, 255)
            return True
        return False
    if change > 0.0:
        state.rises = min(state.rises + 1, 255)
        state.step += (change - state.step) / state.rises
    elif change < 0.0:
        state.rises = 0
        state.falls = min(state.falls + 1, 255)
        state.step = 0.0
    if state.rises >= ENOUGH_RISES * (1 + int(state.falls)):
        state.is_counter = 1
        return True
    return False


@njit(error_model="numpy")
def reset_p_value(state: Any, fall: float, time: int, seen: int) -> float:
    """Return how rare a fall of a counter is, and learn it."""
    hour = (time // NS_PER_HOUR) % 24
    young = time - state.first_time < YOUNG_HOURS * NS_PER_HOUR
    usual = False
    for near in (23, 24, 25):
        if (state.reset_hours >> np.uint32((hour + near) % 24)) & 1:
            usual = True
    state.reset_hours = state.reset_hours | np.uint32(1 << hour)
    rare = (state.resets + 0.5) / (seen + 1.0) * min(np.float64(state.step) / fall, 1.0)
    state.resets = min(state.resets + 1, 255)
    return 1.0 if usual or young else max(rare, 1e-300)

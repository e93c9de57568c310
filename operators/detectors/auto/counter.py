"""Counter: a value that only rises is modelled by its increments, and may be reset.

A value is classified as a counter after many rises without a fall; a small fall, of a few usual
steps, ends the classification. Each fall increases the number of rises required, because a smooth
daily cycle also rises for hours. A large fall is a reset. Its p-value follows from its size and the
earlier resets; a reset at an hour of the day that had one before is usual.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.time_units import NS_PER_HOUR
from operators.detectors.auto.hours import MINUTES_PER_DAY, minute_of
from operators.kernels.kernel_part import kernel_part

ENOUGH_RISES = 48
"""Rises without a fall that make a value a counter, times one plus the number of falls before."""
SMALL_FALL = 20.0
"""Size of a fall in usual steps below which the value is not a counter."""
FIELDS = [
    ("rises", "u1"),
    ("falls", "u1"),
    ("is_counter", "u1"),
    ("resets", "u1"),
    ("reset_hours", "<u4"),
    ("step", "<f4"),
    ("last_raw", "<f8"),
    ("first_minute", "<i4"),
]


@kernel_part
def changes_mode(state: Any, value: float) -> bool:
    """Record whether a value rises; return whether its classification changed."""
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


@kernel_part
def reset_p_value(state: Any, fall: float, time: int, seen: int) -> float:
    """Return the p-value of a fall of a counter, and learn it."""
    hour = (time // NS_PER_HOUR) % 24
    young = minute_of(time) - state.first_minute < MINUTES_PER_DAY
    usual = False
    for near in (23, 24, 25):
        if (state.reset_hours >> np.uint32((hour + near) % 24)) & 1:
            usual = True
    state.reset_hours = state.reset_hours | np.uint32(1 << hour)
    rare = (state.resets + 0.5) / (seen + 1.0) * min(np.float64(state.step) / fall, 1.0)
    state.resets = min(state.resets + 1, 255)
    return 1.0 if usual or young else max(rare, 1e-300)


@kernel_part
def increment(state: Any, value: float, gaps: float) -> float:
    """Return the increment of one event, after some usual gaps without one.

    What was counted while events were missing is divided among them, but not below the usual step:
    a counter that stood still meanwhile has counted for one event alone.
    """
    counted = value - state.last_raw
    events = np.rint(gaps)
    if not 2.0 <= events < np.inf:
        return counted
    return max(counted / events, min(counted, np.float64(state.step)))

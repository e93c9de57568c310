"""Cycle: how far a value lies from what its place in a cycle brought; the cycle is found.

The calendar knows of days and weeks only; a pump has its own period. A cycle begins where the
value rises through its mean: at once, and smoothed, where noise would rise through it many times.
If these cycles are even, a clock follows them, drawn a little to each beginning (a phase-locked
loop), and each of its places has a mean.
"""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np
from numba import njit

from operators.detectors.auto.season import CARRIED, LATELY

PLACES = 12
MEMORY = 100.0
"""Values that the mean of a place rests on."""
ERROR_MEMORY = 1_000.0
TELLING = 0.5
"""Mean error, in scales, above which a cycle tells little."""
SMOOTHINGS = 2
SMOOTH = 1 / 16
"""Weight of the newest value in the smoothed one; the other is the value as it is."""
BETTER = 0.35
"""Part of the calendar's mean error that a cycle's has to be below: three places forgive much."""
CLIP = 4.0
BAND, SMOOTH_BAND = 0.5, 0.25
"""In scales: a value has risen once it went from so far below its mean to so far above."""
KNOWN = 4
"""Cycles before one is followed, and events of each place before it is told."""
CYCLES = 8.0
"""Cycles that their length rests on."""
EVEN, LOST = 0.12, 0.25
"""Mean deviation from the length, as a part of it: of cycles to follow, of those to leave."""
DRAWN = 0.2
"""Part of the way to where a cycle really began that the clock is drawn."""

FIELDS = [
    ("cycle_smooth", "<f4"),
    ("cycle_low", "u1", (SMOOTHINGS,)),
    ("cycle_began", "<i8", (SMOOTHINGS,)),
    ("cycle_length", "<f4", (SMOOTHINGS,)),
    ("cycle_unevenness", "<f4", (SMOOTHINGS,)),
    ("cycle_count", "u1", (SMOOTHINGS,)),
    ("cycle_followed", "u1"),
    ("cycle_anchor", "<i8"),
    ("place_means", "<f4", (PLACES,)),
    ("place_off", "<f4"),
    ("place_learned", "<u2"),
    ("place_error", "<f4"),
]


@njit(error_model="numpy")
def place_of(state: Any, time: int) -> int:
    """Return the place of a time in the cycle that is followed."""
    length = np.float64(state.cycle_length[state.cycle_followed - 1])
    turns = (time - state.cycle_anchor) / length
    return min(int((turns - floor(turns)) * PLACES), PLACES - 1)


@njit(error_model="numpy")
def off(state: Any, offset: float, time: int) -> float:
    """Return how far a value lies outside of what its place and the two beside it bring.

    Within them all is expected: cycles are not so even that an edge comes at its very moment.
    """
    own = place_of(state, time)
    low = high = np.float64(state.place_means[own])
    for beside in (own - 1, (own + 1) % PLACES):
        mean = np.float64(state.place_means[beside])
        low, high = min(low, mean), max(high, mean)
    return offset - min(max(offset, low), high)


@njit(error_model="numpy")
def error(state: Any, offset: float, time: int, scale: float) -> float:
    """Return the distance to what is expected in mean errors; NaN while nothing is.

    Nothing is expected from a cycle that tells little more than the mean does.
    """
    if state.place_learned < KNOWN * PLACES or state.place_error > TELLING * scale:
        return np.nan
    strange = off(state, offset, time) - CARRIED * state.place_off
    return abs(strange) / max(np.float64(state.place_error), 0.01 * scale)


@njit(error_model="numpy")
def learn(state: Any, offset: float, z: float, time: int) -> None:
    """Learn a value: its place, and whether it begins a cycle.

    Args:
        state: the entity's record.
        offset: the value from the entity's origin.
        z: the value from its mean, in scales.
        time: of the event, in any unit.
    """
    if state.cycle_followed > 0:
        _learn_place(state, offset, time)
    state.cycle_smooth += SMOOTH * (min(max(z, -CLIP), CLIP) - state.cycle_smooth)
    for k in range(SMOOTHINGS):
        at, band = (z, BAND) if k == 0 else (np.float64(state.cycle_smooth), SMOOTH_BAND)
        if at < -band:
            state.cycle_low[k] = 1
        elif at > band and state.cycle_low[k]:
            state.cycle_low[k] = 0
            _begin(state, k, time)


@njit(error_model="numpy")
def _learn_place(state: Any, offset: float, time: int) -> None:
    outside = off(state, offset, time)
    distance = abs(outside - CARRIED * state.place_off)
    state.place_off += LATELY * (outside - state.place_off)
    state.place_learned = min(state.place_learned + 1, 65_535)
    learned = state.place_learned
    own = place_of(state, time)
    rate = max(PLACES / (learned + PLACES), 1.0 / MEMORY)
    state.place_means[own] += rate * (offset - state.place_means[own])
    state.place_error += max(1.0 / learned, 1.0 / ERROR_MEMORY) * (distance - state.place_error)


@njit(error_model="numpy")
def _begin(state: Any, k: int, time: int) -> None:
    """Learn that a cycle begins; follow such cycles, or leave them."""
    passed = np.float64(time - state.cycle_began[k])
    state.cycle_began[k] = time
    count, length = state.cycle_count[k], np.float64(state.cycle_length[k])
    if count < 2:
        state.cycle_count[k] = count + 1
        state.cycle_length[k] = passed
        state.cycle_unevenness[k] = 0.5 * passed
        return
    rate = max(1.0 / count, 1.0 / CYCLES)
    off = min(max(passed - length, -0.5 * length), 0.5 * length)
    state.cycle_count[k] = min(count + 1, 255)
    state.cycle_length[k] = length + rate * off
    state.cycle_unevenness[k] += rate * (abs(off) - state.cycle_unevenness[k])
    uneven = state.cycle_unevenness[k] / length
    if state.cycle_followed == k + 1:
        _draw(state, time)
        if uneven > LOST:
            state.cycle_followed = 0
    elif state.cycle_followed == 0 and count >= KNOWN and uneven < EVEN:
        _follow(state, k, time)
    if uneven > LOST and count >= KNOWN:
        state.cycle_count[k] = 1


@njit(error_model="numpy")
def _follow(state: Any, k: int, time: int) -> None:
    state.cycle_followed = k + 1
    state.cycle_anchor = time
    state.place_means[:] = 0.0
    state.place_error = state.place_off = 0.0
    state.place_learned = 0


@njit(error_model="numpy")
def _draw(state: Any, time: int) -> None:
    """Draw the clock towards where a cycle really began."""
    length = np.float64(state.cycle_length[state.cycle_followed - 1])
    turns = floor((time - state.cycle_anchor) / length + 0.5)
    due = state.cycle_anchor + turns * length
    state.cycle_anchor = int(due + DRAWN * (time - due))

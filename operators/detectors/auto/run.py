"""Run: values outside of the usual range, on one side of it, and how they got there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from operators.kernels import tail

SETTLED_EVENTS = 5
"""Values outside of the usual range after which a spike is a shift."""
SUDDEN_EVENTS, QUICK_EVENTS = 2, 12
"""Values of a run among which a sudden one makes it a shift, and values that a season that does not
come takes to get there; a drift takes more."""
NEAR_EVENTS = 2
"""Values near to what is usual, since the last one outside, that end a run."""
FAR = 2.0
"""A season that does not come is so many times as far as where the usual range ends."""
CAME = 1.25
"""Mean deviation before a run, in usual ones, that a drift has and a shift has not."""
UNSEASONAL_EVENTS = 72
"""Values of a run by which it shows that it does not follow the season."""
STRAYED = 4.0
"""A run that has moved by so many mean deviations, and half its first one, follows no season."""


@njit(error_model="numpy")
def note_run(
    state: Any, outside: bool, sudden: bool, noisy: bool, rest: float, wobble: float
) -> bool:
    """Note how a run of values outside of the usual range, on one side of it, goes on.

    Returns whether a run that had settled is over.
    """
    state.sudden_ago = 0 if sudden else min(state.sudden_ago + 1, 255)
    ended = False
    if state.outside > 0 and not (outside and rest * state.first_rest > 0.0):
        state.paused += 1 if abs(rest) < wobble else 0
        if not outside and state.paused < NEAR_EVENTS:
            if state.outside < SETTLED_EVENTS:
                # A shift stays outside from its first value on.
                state.sudden = 0
            return False
        ended = state.outside >= SETTLED_EVENTS
        state.outside = 0
        state.sudden = 0
        state.unseasonal = 0
    if not outside:
        near = abs(rest) < wobble
        state.inside_ago = 0 if near else min(state.inside_ago + 1, 65_535)
        return ended
    state.paused = 0
    state.outside = min(state.outside + 1, 65_535)
    if state.outside <= SUDDEN_EVENTS:
        if state.outside == 1:
            state.first_rest = rest
            state.noisy = noisy
        # A drift has come near before one of its values is outside.
        came = rest * state.fast > 0.0 and abs(state.fast) > CAME * wobble
        state.sudden = max(state.sudden, np.uint8(sudden and not came))
    quick = not state.sudden and max(state.outside, state.inside_ago) <= QUICK_EVENTS
    if quick and abs(rest) > FAR * tail.FIRST_LEVEL * wobble:
        state.unseasonal = 1
    moved = abs(rest - state.first_rest)
    if state.outside < UNSEASONAL_EVENTS and moved > STRAYED * wobble + 0.5 * abs(state.first_rest):
        state.unseasonal = 1
    return ended

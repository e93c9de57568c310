"""Run: values outside of the usual range, on one side of it, and how they got there."""

from __future__ import annotations

from typing import Any

from numba import njit

from operators.kernels import tail

SETTLED_EVENTS = 5
"""Values outside of the usual range after which a spike is a shift."""
SUDDEN_EVENTS = 2
"""Values of a run that are too few to show more than noise."""
NEAR_EVENTS = 2
"""Values near to what is usual, since the last one outside, that end a run."""
CAME = 0.25
"""Recent mean deviation, as a part of a sudden value's, that a drift has and a shift has not."""
FAR = 2.0
"""A season that does not come is so many times as far as where the usual range ends."""
MISSED = 0.5, 1.5
"""Parts of the deviation by which a season has moved that does not come, and the value has not."""
UNSEASONAL_EVENTS = 72
"""Values of a run by which it shows that it does not follow the season."""
STRAYED = 4.0
"""A run that has moved by so many mean deviations, and half its first one, follows no season."""


@njit(error_model="numpy")
def note_run(
    state: Any,
    outside: bool,
    sudden: bool,
    noisy: bool,
    rest: float,
    foreseen: float,
    wobble: float,
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
        if abs(rest) < wobble:
            state.near_foreseen = foreseen
        return ended
    state.paused = 0
    state.outside = min(state.outside + 1, 65_535)
    if state.outside == 1:
        state.first_rest = rest
        state.noisy = noisy
    # The values before a drift had come near already.
    came = rest * state.fast > 0.0 and abs(state.fast) > CAME * abs(rest)
    if sudden and not came and state.outside < SETTLED_EVENTS:
        state.sudden = 1
    if state.outside < UNSEASONAL_EVENTS and _follows_no_season(state, rest, foreseen, wobble):
        state.unseasonal = 1
    return ended


@njit(error_model="numpy")
def _follows_no_season(state: Any, rest: float, foreseen: float, wobble: float) -> bool:
    """Return whether the season has gone on without the value, or the value without the season."""
    least, most = MISSED
    missed = (state.near_foreseen - foreseen) / rest
    far = abs(rest) > FAR * tail.FIRST_LEVEL * wobble
    if far and not state.sudden and least <= missed <= most:
        return True
    return abs(rest - state.first_rest) > STRAYED * wobble + 0.5 * abs(state.first_rest)

"""Run: consecutive values outside of the usual range on one side, and how the run began."""

from __future__ import annotations

from typing import Any

from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part

SETTLED_EVENTS = 5
"""Values outside of the usual range after which a spike is a shift."""
SUDDEN_EVENTS = 2
"""Length of a run that noise alone explains."""
NEAR_EVENTS = 2
"""Consecutive usual values that end a run."""
CAME = 0.25
"""Mean deviation before a sudden value, as a fraction of its own, that makes it a drift."""
BACK = 0.5
"""Deviation, as a fraction of the first of a run, at which a sudden value did not stay."""
FAR = 2.0
"""Amplitude of a missed season, in half widths of the usual range."""
MISSED = 0.5, 1.5
"""Fractions of the deviation by which a missed season has moved, and the value has not."""
UNSEASONAL_EVENTS = 72
"""Length of a run after which it can be compared with the season."""
STRAYED = 4.0
"""Movement of a run, in mean deviations besides half of its first, that rules out a season."""


@kernel_part
def goes_on(state: Any) -> bool:
    """Return whether a settled run goes on that is not the normal state yet."""
    return SETTLED_EVENTS <= state.outside < tail.NEW_NORMAL_EVENTS


@kernel_part
def note_error(state: Any, sudden: bool) -> None:
    """Note whether a value was a sudden error."""
    state.sudden_ago = 0 if sudden else min(state.sudden_ago + 1, 255)


@kernel_part
def note_run(
    state: Any,
    outside: bool,
    sudden: bool,
    noisy: bool,
    rest: float,
    foreseen: float,
    wobble: float,
) -> bool:
    """Update the run of values outside of the usual range on one side.

    Returns:
        Whether a settled run has ended.
    """
    ended = False
    if state.outside > 0 and not (outside and rest * state.first_rest > 0.0):
        state.paused += 1 if abs(rest) < wobble else 0
        if not outside and state.paused < NEAR_EVENTS:
            back = abs(rest) < BACK * abs(state.first_rest)
            if state.outside < SETTLED_EVENTS and back:
                # All values of a shift are about as far as the first.
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
    # The values before a drift were already close to the limit.
    came = rest * state.fast > 0.0 and abs(state.fast) > CAME * abs(rest)
    if sudden and not came and state.outside < SETTLED_EVENTS:
        state.sudden = 1
    if state.outside < UNSEASONAL_EVENTS and _follows_no_season(state, rest, foreseen, wobble):
        state.unseasonal = 1
    return ended


@kernel_part
def _follows_no_season(state: Any, rest: float, foreseen: float, wobble: float) -> bool:
    """Return whether the season moved without the value, or the value without the season."""
    least, most = MISSED
    missed = (state.near_foreseen - foreseen) / rest
    far = abs(rest) > FAR * tail.FIRST_LEVEL * wobble
    if far and not state.sudden and least <= missed <= most:
        return True
    return abs(rest - state.first_rest) > STRAYED * wobble + 0.5 * abs(state.first_rest)

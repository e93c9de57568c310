"""Schedule: episodes that come at equal intervals are expected when they are due.

An episode is a time of rare events; it is over after `QUIET` without one. Its begin is due if
others began whole days before it, at the same time of day, or one, two and three intervals of any
length before it, and begins at random, as frequent as these, agree as well with a chance of less
than `CHANCE`.

While an episode that was due goes on, evidence at most as far out as in earlier
episodes is expected (`tail.usual_p_value`). Larger distances, and other evidence, stay rare.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.time_units import NS_PER_HOUR
from operators.kernels.kernel_part import kernel_part

PER_HOUR = 6
PER_DAY = 24 * PER_HOUR
NS_PER_TICK = NS_PER_HOUR // PER_HOUR
TICKS = 65_535
"""Ticks after which their numbers begin again: 455 days."""
KEPT = 12
"""Begins that are kept."""
QUIET = PER_HOUR
"""Ticks without a rare event that end an episode."""
SHORTEST, LONGEST_DAYS = 20 * PER_HOUR, 8 * PER_DAY
"""Shortest interval, and the longest of whole days."""
STEADY = 64
"""Equal intervals differ by at most this part of one."""
INTERVALS = 3
CHANCE = 0.01
"""Chance of an agreement below which it is a schedule."""
RARE_P = 1e-4

FIELDS = [("begins", "<u2", (KEPT,)), ("newest", "<u2"), ("due", "u1")]


@kernel_part
def tick_of(time: int) -> int:
    """Return the number of a tick, from 1; 0 if the time is not known."""
    return (time // NS_PER_TICK) % TICKS + 1 if time != 0 else 0


@kernel_part
def is_due(state: Any, tick: int) -> bool:
    """Return whether an episode goes on that was due, or is due to begin."""
    if tick == 0:
        return False
    if _goes_on(state, tick):
        return state.due > 0
    return _would_be_due(state.begins, tick)


@kernel_part
def note(state: Any, p: float, tick: int) -> None:
    """Note the p-value of an event, as it is without a schedule."""
    if tick == 0 or p > RARE_P:
        return
    if not _goes_on(state, tick):
        state.due = 1 if _would_be_due(state.begins, tick) else 0
        for k in range(KEPT - 1, 0, -1):
            state.begins[k] = state.begins[k - 1]
        state.begins[0] = tick
    state.newest = tick


@kernel_part
def _goes_on(state: Any, tick: int) -> bool:
    return state.newest > 0 and _apart(tick, state.newest) <= QUIET


@kernel_part
def _would_be_due(begins: Any, tick: int) -> bool:
    known = 0
    while known < KEPT and begins[known] > 0:
        known += 1
    return _keeps_time_of_day(begins, known, tick) or _keeps_interval(begins, known, tick)


@kernel_part
def _keeps_time_of_day(begins: Any, known: int, tick: int) -> bool:
    chance, hits, near = 1.0, 0, 0
    for k in range(known):
        apart = _apart(tick, begins[k])
        if SHORTEST <= apart <= LONGEST_DAYS:
            near += 1
            hits += 1 if (apart + 1) % PER_DAY <= 2 else 0
    for k in range(hits):
        chance *= 3.0 * near / (PER_DAY * (k + 1.0))
    return chance < CHANCE


@kernel_part
def _keeps_interval(begins: Any, known: int, tick: int) -> bool:
    if known < 2:
        return False
    rate = known / max(_apart(tick, begins[known - 1]), 1.0)
    for k in range(known):
        apart = _apart(tick, begins[k])
        if apart < SHORTEST:
            continue
        for tolerance in (1, apart // STEADY):
            chance = np.float64(known)
            for times in range(2, INTERVALS + 1):
                if not _began(begins, tick, times * apart, tolerance):
                    break
                chance *= min(rate * (2 * tolerance + 1), 1.0)
            if chance < CHANCE:
                return True
    return False


@kernel_part
def _began(begins: Any, tick: int, ago: int, tolerance: int) -> bool:
    """Return whether an episode began about so many ticks ago."""
    for k in range(KEPT):
        if begins[k] > 0 and abs(_apart(tick, begins[k]) - ago) <= tolerance:
            return True
    return False


@kernel_part
def _apart(tick: int, earlier: int) -> int:
    return (tick - earlier) % TICKS

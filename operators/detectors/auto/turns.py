"""Turns: how often values turn, up after down or down after up.

Independent values turn at two events of three (the turning point test: Kendall and Stuart, The
Advanced Theory of Statistics 3, 1966). The more one depends on the one before, the more seldom they
turn: at every other event in a random walk, and less in what is smooth. A season or a drift behind
noise changes next to nothing, and equal values count as turns.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from numba import njit

INDEPENDENT = 2 / 3
MEMORY = 500.0
"""Events that the share of turns rests on, once there are so many."""
CHANCE = 0.3
"""What the share may be lower by chance, after one event; it shrinks with the root of events."""
UNIT = 65_535.0

FIELDS = [("unturned", "<u2")]
"""The share of events at which values did not turn, in parts of `UNIT`; 0 until it is known."""


@njit(error_model="numpy")
def dependence(state: Any) -> float:
    """Return by how much turns are rarer than among independent values, and than by chance."""
    chance = CHANCE / sqrt(min(max(state.seen, 1.0), 2.0 * MEMORY))
    return max(INDEPENDENT - 1.0 + state.unturned / UNIT - chance, 0.0)


@njit(error_model="numpy")
def learn(state: Any, offset: float) -> None:
    """Note whether a value turns; to be called before the shape learns it."""
    if state.seen < 2:
        return
    before = state.tail[-1] - state.tail[-2]
    goes_on = UNIT if (offset - state.tail[-1]) * before > 0.0 else 0.0
    rate = max(1.0 / (state.seen - 1.0), 1.0 / MEMORY)
    state.unturned += round(rate * (goes_on - state.unturned))

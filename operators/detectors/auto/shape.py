"""Shape: how far the course of the last values lies from the courses there were before.

The course is the means of the last `BLOCKS` blocks of `BLOCK_EVENTS` values each, in mean
deviations from the level; its distance is that to its third nearest `neighbours` among a sample of
earlier ones. A course lasts, so it is looked at once a block, which costs as much less. The sample
holds a byte for each mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from operators.detectors.auto import neighbours

BLOCK_EVENTS, BLOCKS = 8, 8
MEMORY_COURSES = 1_000
"""The sample is even over so many courses, and forgets older ones."""
PER_UNIT = 12.0
"""Parts of a mean deviation that a byte resolves."""
MOST = 127.0
LEAST_DISTANCE = 0.01 * PER_UNIT
"""Distances below are taken as this."""


def fields(size: int) -> list[Any]:
    """Return the fields for a sample of so many courses."""
    return [
        *neighbours.fields(BLOCKS, size, "i1"),
        ("means", "<f4", (BLOCKS,)),
        ("total", "<f4"),
        ("events", "u1"),
        ("blocks", "u1"),
        ("courses", "<u2"),
    ]


@njit(error_model="numpy")
def restart(state: Any) -> None:
    """Forget the course, and keep the sample."""
    state.total = 0.0
    state.events = 0
    state.blocks = 0


@njit(error_model="numpy")
def is_due(state: Any) -> bool:
    """Return whether the next value ends a block, and the course before it is whole."""
    return state.events + 1 >= BLOCK_EVENTS and state.blocks + 1 >= BLOCKS


@njit(error_model="numpy")
def course(state: Any, deviation: float, found: Any) -> None:
    """Fill in the course that ends with a value: float32 [BLOCKS]."""
    for k in range(BLOCKS - 1):
        found[k] = state.means[k + 1]
    mean = PER_UNIT * (state.total + deviation) / BLOCK_EVENTS
    found[BLOCKS - 1] = np.round(min(max(mean, -MOST), MOST))


@njit(error_model="numpy")
def distance_log(state: Any, found: Any) -> float:
    """Return the logarithm of a course's distance; NaN until the sample is full."""
    return np.log(max(neighbours.distance(state, found, state.courses), LEAST_DISTANCE))


@njit(error_model="numpy")
def learn(state: Any, deviation: float, found: Any) -> None:
    """Learn a value by its deviation from the level; `found` is the course where one is due."""
    due = is_due(state)
    state.total += np.float32(deviation)
    state.events += 1
    if state.events < BLOCK_EVENTS:
        return
    ended = PER_UNIT * np.float64(state.total) / BLOCK_EVENTS
    for k in range(BLOCKS - 1):
        state.means[k] = state.means[k + 1]
    state.means[BLOCKS - 1] = np.round(min(max(ended, -MOST), MOST))
    state.total = 0.0
    state.events = 0
    state.blocks = min(state.blocks + 1, BLOCKS)
    if due:
        neighbours.learn(state, found, state.courses)
        state.courses = min(state.courses + 1, MEMORY_COURSES)

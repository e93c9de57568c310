"""Shape: the distance of the course of the last values from earlier courses.

The course is the means of the last `BLOCKS` blocks of `BLOCK_EVENTS` values each, in mean
deviations from the level; its distance is that to its third nearest `neighbours` among a sample of
earlier ones. Courses change slowly, so they are compared once a block, which saves time. The
sample holds a byte for each mean.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from operators.detectors.auto import neighbours
from operators.kernels.kernel_part import kernel_part

BLOCK_EVENTS, BLOCKS = 8, 8
MEMORY_COURSES = 1_000
"""Memory of the sample in courses."""
PER_UNIT = 12.0
"""Resolution of a byte, in fractions of a mean deviation."""
MOST = 127.0
LEAST_DISTANCE = 0.01 * PER_UNIT
"""Lower bound of distances."""


def fields(size: int) -> list[Any]:
    """Return the fields of a sample of `size` courses; of size 0, the least that compiles."""
    blocks = BLOCKS if size > 0 else 1
    return [
        *neighbours.fields(blocks, max(size, 1), "i1"),
        ("means", "<f4", (blocks,)),
        ("total", "<f4"),
        ("events", "u1"),
        ("blocks", "u1"),
        ("courses", "<u2"),
    ]


@kernel_part
def restart(state: Any) -> None:
    """Forget the course, and keep the sample."""
    state.total = 0.0
    state.events = 0
    state.blocks = 0


@kernel_part
def is_due(state: Any) -> bool:
    """Return whether the next value ends a block, and the course before it is complete."""
    return state.events + 1 >= BLOCK_EVENTS and state.blocks + 1 >= BLOCKS


@kernel_part
def course(state: Any, deviation: float, found: Any) -> None:
    """Fill in the course that ends with a value: float32 [BLOCKS]."""
    for k in range(BLOCKS - 1):
        found[k] = state.means[k + 1]
    mean = PER_UNIT * (state.total + deviation) / BLOCK_EVENTS
    found[BLOCKS - 1] = np.round(min(max(mean, -MOST), MOST))


@kernel_part
def distance_log(state: Any, found: Any) -> float:
    """Return the logarithm of a course's distance; NaN until the sample is full."""
    return np.log(max(neighbours.distance(state, found, state.courses), LEAST_DISTANCE))


@kernel_part
def learn(state: Any, deviation: float, found: Any) -> None:
    """Learn the deviation of a value from the level; `found` is the course if one is due."""
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

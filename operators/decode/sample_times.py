"""Times of samples that a message has as an array: each is a step after the one before it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.domain.batch import Floats, Int32s, Int64s, Objects
from engine.domain.mapping import TimeStep
from engine.domain.path import Path
from operators.decode.columns import Table, listed
from operators.decode.reading import Read
from operators.decode.timestamps import UNREADABLE

NS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}
LONGEST_NS = 1e18
"""From the first sample of a message to its last: thirty years."""


class SampleTimes:
    """Moves the times of samples on by their places in their message.

    Args:
        step: the time between them.
        reader: returns what reads a path of messages.

    Attributes:
        steps: of each sample of the last call, how many steps it is behind its message's time.
    """

    def __init__(self, step: TimeStep, reader: Callable[[Path], Read]) -> None:
        self._step = step
        self.steps: Int64s = np.empty(0, np.int64)
        self._read = None if step.path is None else reader(step.path)

    def of(
        self,
        messages: list[Any] | Table,
        keys: Objects,
        origins: tuple[Int64s, Int32s],
        times: Int64s,
        before: Int64s | int = 0,
    ) -> Int64s:
        """Return the times of samples; UNREADABLE where the step is none.

        Args:
            messages: one for each sample.
            keys: of the entities; one entity's samples of a message follow each other.
            origins: the message of each sample, and its place in it.
            times: of the first samples.
            before: how many steps were before the first sample of its message, as for one that was
                a dead letter and comes back alone.
        """
        rows, indices = origins
        changes = (rows[1:] != rows[:-1]) | (keys[1:] != keys[:-1]) | (times[1:] != times[:-1])
        begins = np.concatenate([[True], changes.astype(np.bool_)])
        first = np.maximum.accumulate(np.where(begins, np.arange(len(times)), 0))
        self.steps = indices.astype(np.int64) - indices[first] + before
        after = self.steps * self._ns(messages)
        is_good = (times != UNREADABLE) & (after >= 0) & (after < LONGEST_NS)
        moved = times + np.where(is_good, after, 0).round().astype(np.int64)
        return np.where(is_good, moved, UNREADABLE)

    def _ns(self, messages: list[Any] | Table) -> Floats:
        if self._read is None:
            return np.full(len(messages), float(self._step.ns))
        found = listed(self._read(messages))
        return np.array([step_ns(value, self._step.unit) for value in found])


def step_ns(value: Any, unit: str) -> float:
    """Return the time between samples in ns; NaN if a value says none."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    if not 0 < number < math.inf:
        return math.nan
    step = 1e9 / number if unit == "Hz" else number * NS[unit]
    return step if step < LONGEST_NS else math.nan

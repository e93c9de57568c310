"""A fleet: entities that report on one grid of times, into which faults are planted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from math import nan

import numpy as np
from numpy.typing import NDArray

from bench.everyday.stream import DAY, MINUTE, SECOND, START, Fault, Floats, Stream

FIRST_FAULT = 3.2
"""Days before the first fault."""
LAST = 0.3
"""Days kept free at the end."""


class Fleet:
    """Values of entities on a grid of times.

    Attributes:
        times: int64 [t], nanoseconds.
        values: float64 [t, entities, d].
        local: float64 [entities, d], the local deviation: that of the noise, without the season.
        present: bool [t, entities], which events are sent.
        step: nanoseconds between two times.
        faults: noted so far.
    """

    def __init__(
        self,
        draw: np.random.Generator,
        entities: int = 12,
        days: float = 14.0,
        step: int = 5 * MINUTE,
        d: int = 1,
        start: int = START,
    ) -> None:
        self.draw, self.days, self.step, self.d = draw, days, step, d
        self.entities = entities
        self.times = start + np.arange(int(days * DAY) // step) * step
        shape = (len(self.times), entities, d)
        self.values: Floats = np.zeros(shape)
        self.local: Floats = np.ones((entities, d))
        self.present: NDArray[np.bool_] = np.ones(shape[:2], np.bool_)
        self.names = tuple(f"v{j}" for j in range(d))
        self.resolution = 0.0
        self.faults: list[Fault] = []

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (times, entities, values)."""
        return len(self.times), self.entities, self.d

    @property
    def day(self) -> Floats:
        """Return the days since the start of a Monday: float64 [t]."""
        return np.asarray((self.times - START) / DAY)

    def steps(self, nanoseconds: float) -> int:
        """Return how many steps of the grid a duration has."""
        return max(int(nanoseconds // self.step), 1)

    def weekly(self, length: int, clear: int = 0) -> Iterator[tuple[int, int]]:
        """Yield (entity, first row) of one fault in each entity and week.

        Args:
            length: of the fault, in rows.
            clear: rows to keep free behind it.
        """
        for entity in range(self.entities):
            begin = FIRST_FAULT
            while begin < self.days - LAST:
                end = min(begin + 7 - begin % 7, self.days)
                first = self.steps(begin * DAY)
                last = self.steps((end - LAST) * DAY) - length - clear
                if last > first:
                    yield entity, int(self.draw.integers(first, last))
                begin = end

    def repeats(self, times: int) -> Iterator[tuple[int, int]]:
        """Yield (entity, first row) of faults that return so many times in each entity."""
        edges = np.linspace(FIRST_FAULT, self.days - LAST, times + 1) * DAY / self.step
        for entity in range(self.entities):
            for low, high in pairwise(edges):
                yield entity, int(self.draw.integers(int(low), int(low + 0.6 * (high - low))))

    def add_fault(
        self,
        entity: int,
        rows: slice,
        kind: str,
        values: tuple[int, ...],
        plain: bool,
        deviations: float = nan,
        also: tuple[str, ...] = (),
    ) -> None:
        """Note a fault from the first row of a slice to its last one."""
        start = int(self.times[rows.start])
        last = min(rows.stop, len(self.times)) - 1
        end = start + 1 if rows.stop - rows.start == 1 else int(self.times[last]) + 1
        self.faults.append(Fault(entity, start, end, kind, values, plain, deviations, also))

    def units(self) -> None:
        """Give each entity and value a level and a unit of its own."""
        scale = 10 ** self.draw.uniform(-1, 2, (self.entities, self.d))
        level = scale * self.draw.uniform(0, 200, (self.entities, self.d))
        self.values *= scale
        self.values += level
        self.local *= scale

    def quantise(self, resolution: float) -> None:
        """Round all values, and those of faults, to a resolution."""
        self.resolution = resolution

    def drop(self, share: float) -> None:
        """Lose a share of the events at random."""
        self.present &= self.draw.random(self.present.shape) >= share

    def stream(self, jitter: float = 0.0) -> Stream:
        """Return the events that are present.

        Args:
            jitter: each time is moved by up to so many seconds, below half a step.
        """
        values = self.values
        if self.resolution:
            values = np.round(np.round(values / self.resolution) * self.resolution, 10)
        rows, keys = np.nonzero(self.present)
        times = self.times[rows]
        if jitter:
            times = times + (self.draw.uniform(0, jitter, len(times)) * SECOND).astype(np.int64)
        order = np.argsort(times, kind="stable")
        faults = sorted(self.faults, key=lambda fault: (fault.start, fault.entity))
        if jitter:
            by = int(jitter * SECOND)
            faults = [replace(fault, end=fault.end + by) for fault in faults]
        return Stream(
            keys[order].astype(np.int32),
            times[order],
            np.ascontiguousarray(values[rows[order], keys[order]]),
            self.names,
            tuple(faults),
            self.days,
        )

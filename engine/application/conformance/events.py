"""Synthetic events of several entities, in columns, and ways to rearrange them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s, Int64s

MINUTE_NS = 60 * 10**9
START_NS = 1_700_000_000 * 10**9
LEVEL, DEVIATION = 20.0, 2.0
"""Of the noise that most checks use."""


@dataclass(frozen=True, slots=True)
class Events:
    """Columns as a bank takes them: slots int32 [n], values float64 [n, d], learn, times in ns."""

    slots: Int32s
    values: Floats
    learn: Bools
    times: Int64s

    def __len__(self) -> int:
        return len(self.slots)

    def take(self, rows: slice | Int64s | Bools) -> Events:
        """Return some of the events."""
        values = np.ascontiguousarray(self.values[rows])
        return Events(self.slots[rows], values, self.learn[rows], self.times[rows])

    def with_values(self, values: Floats) -> Events:
        """Return the same events with other values."""
        return replace(self, values=np.ascontiguousarray(values, np.float64))

    def with_learn(self, learn: Bools) -> Events:
        """Return the same events, of which others are learned."""
        return replace(self, learn=learn)

    def with_slots(self, slots: Int32s) -> Events:
        """Return the same events in other slots."""
        return replace(self, slots=slots.astype(np.int32))


def noise(n: int, width: int, seed: int = 1) -> Floats:
    """Return normal values, float64 [n, width], in steps of 1/256: so that sums are exact."""
    drawn = np.random.default_rng(seed).normal(LEVEL, DEVIATION, (n, width))
    return np.asarray(np.round(drawn * 256) / 256)


def of_one(values: Floats) -> Events:
    """Return events of one entity, all learned, about a minute apart."""
    n = len(values)
    steps = np.random.default_rng(2).integers(MINUTE_NS // 2, 3 * MINUTE_NS // 2, n)
    slots = np.zeros(n, np.int32)
    return Events(
        slots, np.ascontiguousarray(values), np.ones(n, np.bool_), START_NS + steps.cumsum()
    )


def of_many(n: int, entities: int, width: int, seed: int = 1) -> Events:
    """Return noise of several entities in random order, nine tenths of it learned."""
    draw = np.random.default_rng(seed)
    events = of_one(noise(n, width, seed))
    learn = draw.random(n) < 0.9
    return events.with_slots(draw.integers(entities, size=n, dtype=np.int32)).with_learn(learn)

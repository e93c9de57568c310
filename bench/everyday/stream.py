"""Streams of events with the faults planted in them, and the situations that build them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from engine.domain import kinds

Floats = NDArray[np.float64]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_767_571_200 * SECOND
"""Midnight of a Monday."""
KINDS = (*(kind for kind in kinds.KINDS if kind != "outlier"), kinds.ABSENCE)
"""What the product names."""


@dataclass(frozen=True)
class Fault:
    """What went wrong with one entity.

    Attributes:
        entity: its number.
        start: event time of the first event at fault, in nanoseconds.
        end: event time at which it is over, exclusive; a spike: `start` + 1.
        kind: one of `KINDS`.
        values: indices of the values at fault; empty: none of them by itself.
        plain: large enough that it has to be found.
        deviations: its size, for the order of severity: local deviations of a spike, shift or
            drift, samples of a stuck value, the factor of the noise of a burst or calm.
        also: other kinds by which it is as rightly called.
    """

    entity: int
    start: int
    end: int
    kind: str
    values: tuple[int, ...]
    plain: bool
    deviations: float = nan
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stream:
    """Events of a fleet of entities, in the order of their times.

    Attributes:
        keys: int32 [n], the entities' numbers.
        times: int64 [n], nanoseconds.
        values: float64 [n, d].
        names: of the values.
        faults: planted in it, by time.
        days: its length.
    """

    keys: Int32s
    times: Int64s
    values: Floats
    names: tuple[str, ...]
    faults: tuple[Fault, ...]
    days: float


@dataclass(frozen=True)
class Situation:
    """A kind of stream, of which each seed builds another one.

    Attributes:
        name: unique.
        group: "fault" or "normal".
        kind: of its faults, or of its normal life.
        build: returns a stream.
        about: one sentence.
    """

    name: str
    group: str
    kind: str
    build: Callable[[np.random.Generator], Stream]
    about: str

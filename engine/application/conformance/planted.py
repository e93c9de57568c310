"""Anomalies of each kind, planted at the end of normal events of one entity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.application.conformance.events import (
    DEVIATION,
    LEVEL,
    MINUTE_NS,
    START_NS,
    Events,
    noise,
    of_one,
)

NORMAL_EVENTS = 2_600
"""Before the anomaly; some detectors judge levels only once they have seen a day."""
STEPS_OF_DAY, DAYS = 144, 16
"""Events of a day each ten minutes, and days before a season is missed."""
PERIOD, PERIODS = 24, 120
"""Events of a pattern that repeats, and how often it does."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Events of one entity, of which the last `length` are an anomaly."""

    events: Events
    length: int


def spike(width: int, seed: int) -> Planted:
    """One event is 12 standard deviations off."""
    values = noise(NORMAL_EVENTS + 1, width, seed)
    values[-1] = LEVEL + 12 * DEVIATION
    return Planted(of_one(values), 1)


def shift(width: int, seed: int) -> Planted:
    """The level moves by 8 standard deviations, for 100 events."""
    values = noise(NORMAL_EVENTS + 100, width, seed)
    values[-100:] += 8 * DEVIATION
    return Planted(of_one(values), 100)


def drift(width: int, seed: int) -> Planted:
    """The level moves slowly, by 12 standard deviations in 400 events."""
    values = noise(NORMAL_EVENTS + 400, width, seed)
    values[-400:] += np.linspace(0, 12 * DEVIATION, 400)[:, None]
    return Planted(of_one(values), 400)


def stuck(width: int, seed: int) -> Planted:
    """The values do not move any more, for 60 events."""
    values = noise(NORMAL_EVENTS + 60, width, seed)
    values[-60:] = values[-61]
    return Planted(of_one(values), 60)


def burst(width: int, seed: int) -> Planted:
    """The standard deviation is five times as large, for 100 events."""
    values = noise(NORMAL_EVENTS + 100, width, seed)
    values[-100:] = LEVEL + 5 * (values[-100:] - LEVEL)
    return Planted(of_one(values), 100)


def calm(width: int, seed: int) -> Planted:
    """The standard deviation is an eighth, for 200 events."""
    values = noise(NORMAL_EVENTS + 200, width, seed)
    values[-200:] = LEVEL + (values[-200:] - LEVEL) / 8
    return Planted(of_one(values), 200)


def season(width: int, seed: int) -> Planted:
    """Two hours at noon look like midnight, in a series with a daily cycle."""
    n = DAYS * STEPS_OF_DAY + STEPS_OF_DAY // 2
    day = np.arange(n) / STEPS_OF_DAY
    values = noise(n, width, seed) - 6 * DEVIATION * np.cos(2 * np.pi * day)[:, None]
    values[-12:] -= 12 * DEVIATION
    events = of_one(values)
    times = START_NS + np.arange(n) * 10 * MINUTE_NS
    return Planted(Events(events.slots, events.values, events.learn, times), 12)


def pattern(width: int, seed: int) -> Planted:
    """Two periods of a repeating pattern run backwards."""
    n = PERIOD * PERIODS
    phase = np.arange(n) % PERIOD / PERIOD
    saw = 6 * DEVIATION * phase
    saw[-2 * PERIOD :] = saw[-2 * PERIOD :][::-1]
    values = LEVEL + (noise(n, width, seed) - LEVEL) / 4 + saw[:, None]
    return Planted(of_one(values), 2 * PERIOD)


def correlation(width: int, seed: int) -> Planted:
    """The first value no longer follows the others, for 100 events; it takes two values."""
    n = NORMAL_EVENTS + 100
    common = noise(n, 1, seed + 1_000) - LEVEL
    values = LEVEL + common + (noise(n, width, seed) - LEVEL) / 8
    values[-100:, 0] = 2 * LEVEL - values[-100:, 0]
    return Planted(of_one(values), 100)


def counter_reset(width: int, seed: int) -> Planted:
    """A count that only grows falls back to almost nothing."""
    growth = np.abs(noise(NORMAL_EVENTS + 5, width, seed)).cumsum(axis=0)
    growth[-5:] -= growth[-6]
    return Planted(of_one(growth), 5)


def cadence(width: int, seed: int) -> Planted:
    """Events come twenty times as fast, for 100 events."""
    values = noise(NORMAL_EVENTS + 100, width, seed)
    events = of_one(values)
    times = events.times.copy()
    times[-100:] = times[-101] + np.arange(1, 101) * (MINUTE_NS // 20)
    return Planted(Events(events.slots, events.values, events.learn, times), 100)


Plant = Callable[[int, int], Planted]
PLANTED: dict[str, Plant] = {
    made.__name__: made
    for made in (
        spike,
        shift,
        drift,
        stuck,
        burst,
        calm,
        season,
        pattern,
        correlation,
        counter_reset,
        cadence,
    )
}
"""By kind: functions of the number of values and a seed."""

"""Backgrounds: what the values of a fleet are while nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.everyday.fleet import Fleet
from bench.everyday.stream import MINUTE, Floats

AROUND = 2 * np.pi
T3_DEVIATION = 3.07
"""A third of the quantile of t3 that a normal variable has at three deviations."""


def white(fleet: Fleet) -> None:
    """Fill a fleet with Gaussian noise."""
    fleet.values += fleet.draw.normal(size=fleet.shape)
    fleet.units()


def season(fleet: Fleet, least: float = 4.0, most: float = 15.0) -> None:
    """Fill a fleet with a day of two harmonics, in deviations of the noise on top of it."""
    fleet.values += daily(fleet, least, most) + fleet.draw.normal(size=fleet.shape)
    fleet.units()


def week(fleet: Fleet) -> None:
    """Fill a fleet with days whose height is a third at weekends."""
    weekend = np.where(fleet.day % 7 >= 5, 0.33, 1.0)[:, None, None]
    fleet.values += daily(fleet, 6, 15) * weekend + fleet.draw.normal(size=fleet.shape)
    fleet.units()


def large_season(fleet: Fleet) -> None:
    """Fill a fleet with a day of 60 to 100 deviations of its noise."""
    season(fleet, 60, 100)


def ar(fleet: Fleet, coefficient: float = 0.9) -> None:
    """Fill a fleet with autoregressive noise of unit deviation."""
    fleet.values += autoregressive(fleet.draw, fleet.shape, coefficient)
    fleet.units()


def t3(fleet: Fleet) -> None:
    """Fill a fleet with noise of Student's t with three degrees of freedom."""
    fleet.values += fleet.draw.standard_t(3, fleet.shape) / T3_DEVIATION
    fleet.units()


def tenths(fleet: Fleet) -> None:
    """Fill a fleet with a slow temperature, in steps of a tenth."""
    fleet.values += 20 + 0.3 * (daily(fleet, 1, 6) + fleet.draw.normal(size=fleet.shape))
    fleet.local *= 0.3
    fleet.quantise(0.1)


def halves(fleet: Fleet) -> None:
    """Fill a fleet with a quiet temperature, in steps of a half."""
    fleet.values += 20 + 0.6 * fleet.draw.normal(size=fleet.shape)
    fleet.local *= 0.6
    fleet.quantise(0.5)


def counts(fleet: Fleet, mean: float = 5.0) -> None:
    """Fill a fleet with Poisson counts."""
    fleet.values += fleet.draw.poisson(mean, fleet.shape)
    fleet.local *= max(np.sqrt(mean), 1.0)
    fleet.quantise(1.0)


def coupled(fleet: Fleet, own: float = 0.15) -> None:
    """Fill a fleet with values that follow one load, with a little noise of their own."""
    load = autoregressive(fleet.draw, (*fleet.shape[:2], 1), 0.9)
    gains = fleet.draw.choice([-1, 1], (fleet.entities, fleet.d))
    gains = gains * fleet.draw.uniform(0.7, 1.3, gains.shape)
    fleet.values += load * gains + own * fleet.draw.normal(size=fleet.shape)
    fleet.units()


def daily(fleet: Fleet, least: float, most: float) -> Floats:
    """Return a day of two harmonics, of so many units from the mean: float64 [t, entities, d]."""
    shape = (fleet.entities, fleet.d)
    height = fleet.draw.uniform(least, most, shape)
    phase, second = fleet.draw.uniform(0, AROUND, shape), fleet.draw.uniform(0, AROUND, shape)
    angle = AROUND * fleet.day[:, None, None]
    return np.asarray(height * (0.8 * np.sin(angle + phase) + 0.2 * np.sin(2 * angle + second)))


def cycle(fleet: Fleet, minutes: float) -> Floats:
    """Return the phase of a cycle, that of each entity at random: float64 [t, entities, 1]."""
    turns = (fleet.times - fleet.times[0]) / (minutes * MINUTE)
    return np.asarray(turns[:, None, None] + fleet.draw.random((fleet.entities, 1)))


def autoregressive(draw: np.random.Generator, shape: tuple[int, ...], coefficient: float) -> Floats:
    """Return AR(1) noise of unit deviation along the first axis."""
    values = draw.normal(size=shape)
    shock = np.sqrt(1 - coefficient**2)
    for i in range(1, len(values)):
        values[i] = coefficient * values[i - 1] + shock * values[i]
    return values


BACKGROUNDS: dict[str, Callable[[Fleet], None]] = {
    "white": white,
    "season": season,
    "week": week,
    "large_season": large_season,
    "ar": ar,
    "t3": t3,
    "tenths": tenths,
    "halves": halves,
    "counts": counts,
}
WORDS = {
    "white": "Gaussian noise",
    "season": "a daily season with noise",
    "week": "a daily and weekly season with noise",
    "large_season": "a day of 60 to 100 noise deviations",
    "ar": "AR(.9) noise",
    "t3": "heavy-tailed noise (t3)",
    "tenths": "a temperature in tenths",
    "halves": "a temperature in halves",
    "counts": "Poisson counts around 5",
}


def fleet_of(draw: np.random.Generator, background: str, d: int = 1, entities: int = 12) -> Fleet:
    """Return a fleet of two weeks of five-minute events on one of the `BACKGROUNDS`."""
    fleet = Fleet(draw, entities, d=d)
    BACKGROUNDS[background](fleet)
    return fleet

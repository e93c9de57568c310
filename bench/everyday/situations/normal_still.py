"""Normal life: values that stay for long, and fleets in which no two entities are alike."""

from __future__ import annotations

import numpy as np

from bench.everyday.backgrounds import autoregressive, daily
from bench.everyday.fleet import Fleet
from bench.everyday.stream import Floats, Situation, Stream


def _repeated_readings(draw: np.random.Generator) -> Stream:
    """A reading an hour, sent each five minutes: twelve equal values are normal."""
    fleet = Fleet(draw, 12)
    values = 15 + daily(fleet, 3, 6) + draw.normal(size=fleet.shape)
    fleet.values += values[np.arange(len(fleet.times)) // 12 * 12]
    return fleet.stream()


def _setpoints(draw: np.random.Generator) -> Stream:
    """A setpoint that somebody moves some times a day."""
    fleet = Fleet(draw, 12)
    moved = draw.random(fleet.shape) < 4 / 288
    moved[0] = True
    chosen = draw.integers(16, 25, fleet.shape) * 1.0
    row = np.maximum.accumulate(np.where(moved, np.arange(len(moved))[:, None, None], 0), 0)
    fleet.values += np.take_along_axis(chosen, row, 0)
    return fleet.stream()


def _long_flags(draw: np.random.Generator) -> Stream:
    """A machine that is on for hours and off for hours, at random."""
    fleet = Fleet(draw, 12)
    switched = draw.random(fleet.shape) < 1 / 60
    fleet.values += np.cumsum(switched, 0) % 2
    return fleet.stream()


def _rarely_moved(draw: np.random.Generator) -> Stream:
    """A temperature so slow that a step of a half stands for hours."""
    fleet = Fleet(draw, 12)
    fleet.values += 20 + daily(fleet, 1, 2) + 0.5 * autoregressive(draw, fleet.shape, 0.99)
    fleet.quantise(0.5)
    return fleet.stream()


def _mixed(draw: np.random.Generator) -> Stream:
    """Hundred entities: noise, seasons, walks, counts, flags, tails, constants side by side."""
    fleet = Fleet(draw, 100, 10.0)
    season = daily(fleet, 4, 12)[:, :, 0]
    for entity in range(fleet.entities):
        fleet.values[:, entity, 0] = _of_kind(draw, entity % 10, season[:, entity])
    return fleet.stream(jitter=200.0)


def _of_kind(draw: np.random.Generator, kind: int, season: Floats) -> Floats:
    n = len(season)
    drawn = (
        draw.normal(size=n),
        season + draw.normal(size=n),
        np.cumsum(draw.normal(size=n)),
        draw.poisson(draw.uniform(0.1, 20), n),
        draw.random(n) < 0.05,
        draw.standard_t(3, n),
        draw.lognormal(3, 1, n),
        np.full(n, 42.0),
        autoregressive(draw, (n,), 0.95),
        np.cumsum(draw.poisson(100, n)),
    )
    return np.asarray(drawn[kind], np.float64)


_ABOUT = {
    "repeated_readings": (_repeated_readings, "A reading an hour, sent twelve times."),
    "setpoints": (_setpoints, "A setpoint moved four times a day."),
    "long_flags": (_long_flags, "A machine on for hours and off for hours."),
    "rarely_moved": (_rarely_moved, "A slow temperature in halves."),
    "mixed_fleet": (_mixed, "100 entities of ten kinds side by side."),
}
SITUATIONS = tuple(
    Situation(f"quiet_{name}", "normal", "change", build, about)
    for name, (build, about) in _ABOUT.items()
)

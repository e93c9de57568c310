"""Traffic: rates of services, by day many times as high as by night, with noise in proportion."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import AROUND, autoregressive
from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, Situation, Stream


def _traffic(draw: np.random.Generator) -> Fleet:
    """Return rates with a day of a factor of 3 to 10, and noise of 5 to 15 percent."""
    fleet = Fleet(draw, 12)
    height = np.log(draw.uniform(3, 10, (fleet.entities, 1))) / 2
    turn = fleet.day[:, None, None] + draw.uniform(0, 0.2, (fleet.entities, 1))
    usual = np.exp(-height * np.cos(AROUND * turn))
    spread = draw.uniform(0.05, 0.15, (fleet.entities, 1))
    noise = np.exp(spread * autoregressive(draw, fleet.shape, 0.5))
    fleet.values += 10 ** draw.uniform(0.5, 4, (fleet.entities, 1)) * usual * noise
    fleet.local = spread * np.ones(fleet.local.shape)
    return fleet


def _quiet(draw: np.random.Generator) -> Stream:
    return _traffic(draw).stream()


def _changed(
    draw: np.random.Generator, hours: tuple[float, float], factors: tuple[float, float], kind: str
) -> Stream:
    """Multiply the rate for hours by a factor."""
    fleet = _traffic(draw)
    for entity, row in fleet.weekly(fleet.steps(6 * HOUR)):
        rows = slice(row, row + fleet.steps(draw.uniform(*hours) * HOUR))
        factor = float(draw.uniform(*factors))
        fleet.values[rows, entity] *= factor
        size = abs(factor - 1) / float(fleet.local[entity, 0])
        also = ("season", "burst", "stuck", "drift") if kind == "shift" else ()
        fleet.add_fault(entity, rows, kind, (0,), True, size, also)
    return fleet.stream()


def _situation(
    name: str, hours: tuple[float, float], factors: tuple[float, float], about: str
) -> Situation:
    kind = name.partition("_")[0]
    build = partial(_changed, hours=hours, factors=factors, kind=kind)
    return Situation(name, "fault", kind, build, about)


SITUATIONS = (
    Situation("quiet_traffic", "normal", "noise", _quiet, "Rates that vary by a part of them."),
    _situation("spike_traffic", (0.01, 0.02), (2.2, 4), "One rate of 2.2 to 4 times the usual."),
    _situation("shift_traffic_low", (1, 4), (0.2, 0.4), "20 to 40 percent of the usual rate."),
    _situation("shift_traffic_high", (1, 4), (2, 3), "2 to 3 times the usual rate."),
    _situation("shift_traffic_none", (1, 3), (0, 0), "No traffic for one to three hours."),
)

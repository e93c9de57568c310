"""Sensors that send an event a second, for days."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import exp

import numpy as np

from bench.everyday.backgrounds import autoregressive, daily
from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, SECOND, Floats, Situation, Stream

SLOW_SECONDS, WANDERING_SECONDS = 600.0, 7_200.0
"""How long what happens around a slow value, and a wandering one, stays in it."""


def _sensors(draw: np.random.Generator) -> Fleet:
    """Return a noisy value, a slow one, one that wanders, and a noisy one of one sign."""
    fleet = Fleet(draw, 4, 4.6, SECOND)
    around = autoregressive(draw, fleet.shape, exp(-1 / SLOW_SECONDS))
    wandering = autoregressive(draw, fleet.shape, exp(-1 / WANDERING_SECONDS))
    white = draw.normal(size=fleet.shape)
    day = daily(fleet, 4, 15)
    fleet.values[:, 0] = 0.4 * day[:, 0] + white[:, 0]
    fleet.values[:, 1] = day[:, 1] + around[:, 1] + 0.2 * white[:, 1]
    fleet.values[:, 2] = wandering[:, 2] + 0.3 * white[:, 2]
    fleet.values[:, 3] = 2 * (1 + 0.02 * day[:, 3]) * np.exp(0.5 * white[:, 3])
    fleet.units()
    return fleet


def _quiet(draw: np.random.Generator) -> Stream:
    return _sensors(draw).stream()


def _switched(draw: np.random.Generator) -> Stream:
    """Machines that are on for about twenty minutes, then off for about ten."""
    fleet = Fleet(draw, 4, 4.6, SECOND)
    for entity in range(fleet.entities):
        lengths = draw.uniform(16, 25, 600) * 60, draw.uniform(7, 14, 600) * 60
        edges = np.cumsum(np.column_stack(lengths).ravel()).astype(int)
        is_on = np.searchsorted(edges, np.arange(len(fleet.times)), "right") % 2 == 0
        fleet.values[:, entity, 0] = np.where(is_on, 20.0, 0.4)
    noise = 1.0 * (fleet.values > 1) + 0.1
    fleet.values += noise * draw.normal(size=fleet.shape)
    return fleet.stream()


def _faulty(
    draw: np.random.Generator,
    kind: str,
    hours: float,
    harm: Callable[[Fleet, slice, int], Floats],
    also: tuple[str, ...] = (),
) -> Stream:
    fleet = _sensors(draw)
    length = fleet.steps(hours * HOUR)
    for entity, row in fleet.weekly(length):
        rows = slice(row, row + length)
        fleet.values[rows, entity, 0] = harm(fleet, rows, entity)
        fleet.add_fault(entity, rows, kind, (0,), True, also=also)
    return fleet.stream()


def _moved(fleet: Fleet, rows: slice, entity: int) -> Floats:
    size = fleet.draw.choice([-1, 1]) * fleet.draw.uniform(5, 15)
    return np.asarray(fleet.values[rows, entity, 0] + size * fleet.local[entity, 0])


def _strayed(fleet: Fleet, rows: slice, entity: int) -> Floats:
    size = fleet.draw.choice([-1, 1]) * fleet.draw.uniform(8, 15)
    ramp = np.linspace(0, size, rows.stop - rows.start)
    return np.asarray(fleet.values[rows, entity, 0] + ramp * fleet.local[entity, 0])


def _noisy(fleet: Fleet, rows: slice, entity: int) -> Floats:
    noise = 4 * fleet.draw.normal(size=rows.stop - rows.start)
    return np.asarray(fleet.values[rows, entity, 0] + noise * fleet.local[entity, 0])


SITUATIONS = (
    Situation("quiet_seconds", "normal", "sending", _quiet, "Four sensors, an event a second."),
    Situation(
        "quiet_seconds_switched",
        "normal",
        "sending",
        _switched,
        "Machines switched on and off twice an hour, an event a second.",
    ),
    Situation(
        "shift_seconds",
        "fault",
        "shift",
        partial(_faulty, kind="shift", hours=3.0, harm=_moved),
        "Three hours 5 to 15 deviations off, an event a second.",
    ),
    Situation(
        "drift_seconds",
        "fault",
        "drift",
        partial(_faulty, kind="drift", hours=8.0, harm=_strayed),
        "Eight hours' way to 8 to 15 deviations off, an event a second.",
    ),
    Situation(
        "burst_seconds",
        "fault",
        "burst",
        partial(_faulty, kind="burst", hours=0.5, harm=_noisy, also=("pattern",)),
        "Half an hour with four times the noise, an event a second.",
    ),
)

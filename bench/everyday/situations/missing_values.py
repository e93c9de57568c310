"""Events of several values, of which some are missing, and events of very many values."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import autoregressive, coupled, season
from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, Situation, Stream

LOST = 0.2
MANY = 38


def _lose(fleet: Fleet) -> None:
    """Lose a fifth of the values, never all of an event."""
    lost = fleet.draw.random(fleet.shape) < LOST
    lost[lost.all(-1)] = False
    fleet.values[lost] = np.nan


def _missing(draw: np.random.Generator, kind: str) -> Stream:
    fleet = Fleet(draw, 12, d=3)
    season(fleet)
    if kind != "normal":
        for entity, row in fleet.weekly(fleet.steps(12 * HOUR)):
            _plant(fleet, entity, row, kind)
    places = [fault.start for fault in fleet.faults if fault.kind == "spike"]
    kept = fleet.values[np.isin(fleet.times, places)]
    _lose(fleet)
    # The spike itself is there.
    fleet.values[np.isin(fleet.times, places)] = kept
    return fleet.stream()


def _plant(fleet: Fleet, entity: int, row: int, kind: str) -> None:
    j = int(fleet.draw.integers(fleet.d))
    if kind == "spike":
        size = float(np.exp(fleet.draw.uniform(np.log(8), np.log(60))))
        fleet.values[row, entity, j] += fleet.draw.choice([-1, 1]) * size * fleet.local[entity, j]
        fleet.add_fault(entity, slice(row, row + 1), kind, (j,), True, size)
    else:
        rows = slice(row, row + fleet.steps(fleet.draw.uniform(5, 12) * HOUR))
        fleet.values[rows, entity, j] = fleet.values[row, entity, j]
        fleet.add_fault(entity, rows, kind, (j,), True, rows.stop - rows.start)


def _many_spikes(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 6, d=MANY)
    season(fleet)
    for entity, row in fleet.weekly(1):
        _plant(fleet, entity, row, "spike")
    return fleet.stream()


def _many_lost(draw: np.random.Generator) -> Stream:
    """One of 38 values that follow one load goes its own way."""
    fleet = Fleet(draw, 6, d=MANY)
    coupled(fleet)
    other = autoregressive(draw, fleet.shape[:2], 0.9)
    middle, spread = fleet.values.mean(0), fleet.values.std(0)
    for entity, row in fleet.weekly(240):
        rows, j = slice(row, row + int(draw.integers(100, 240))), int(draw.integers(MANY))
        own = middle[entity, j] + spread[entity, j] * other[rows, entity]
        fleet.values[rows, entity, j] = own
        fleet.add_fault(entity, rows, "correlation", (j,), True, rows.stop - rows.start)
    return fleet.stream()


def _many_quiet(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 6, d=MANY)
    coupled(fleet)
    return fleet.stream()


SITUATIONS = (
    Situation(
        "spike_missing_values",
        "fault",
        "spike",
        partial(_missing, kind="spike"),
        "One of three values 8 to 60 deviations off, while a fifth of the values is missing.",
    ),
    Situation(
        "stuck_missing_values",
        "fault",
        "stuck",
        partial(_missing, kind="stuck"),
        "One of three values stuck for hours, while a fifth of the values is missing.",
    ),
    Situation(
        "quiet_missing_values",
        "normal",
        "sending",
        partial(_missing, kind="normal"),
        "Three values with daily seasons, of which a fifth is missing.",
    ),
    Situation(
        "spike_one_of_38",
        "fault",
        "spike",
        _many_spikes,
        "One of 38 values 8 to 60 deviations off.",
    ),
    Situation(
        "correlation_lost_38",
        "fault",
        "correlation",
        _many_lost,
        "One of 38 values that follow one load goes its own way for 8 to 20 hours.",
    ),
    Situation("quiet_38_values", "normal", "noise", _many_quiet, "38 values that follow one load."),
)

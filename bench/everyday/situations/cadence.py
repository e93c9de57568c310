"""Cadence and absence: events that come too seldom, too often, or not at all."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import season, white
from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, MINUTE, Situation, Stream

USUAL = 5
"""Minutes between two events."""


def _paces(draw: np.random.Generator, minutes: int) -> Stream:
    fleet = Fleet(draw, 12, 14.0, MINUTE)
    white(fleet)
    fleet.present[:] = False
    fleet.present[::USUAL] = True
    for entity, row in fleet.weekly(6 * 60):
        first = row - row % USUAL
        rows = slice(first, first + 6 * 60)
        fleet.present[rows, entity] = False
        fleet.present[first : first + 6 * 60 : minutes, entity] = True
        fleet.add_fault(entity, rows, "cadence", (), True, minutes)
    return fleet.stream(jitter=5.0)


def _absences(draw: np.random.Generator, low: float, high: float) -> Stream:
    fleet = Fleet(draw, 12)
    season(fleet)
    for entity, row in fleet.weekly(fleet.steps(high * HOUR)):
        rows = slice(row, row + fleet.steps(draw.uniform(low, high) * HOUR))
        fleet.present[rows, entity] = False
        # It is over with the event that comes back.
        fleet.add_fault(entity, slice(rows.start, rows.stop + 1), "absence", (), True)
    return fleet.stream(jitter=5.0)


SITUATIONS = (
    Situation(
        "cadence_slower",
        "fault",
        "cadence",
        partial(_paces, minutes=20),
        "An event each 20 minutes for six hours, usually each five.",
    ),
    Situation(
        "cadence_faster",
        "fault",
        "cadence",
        partial(_paces, minutes=1),
        "An event a minute for six hours, usually each five.",
    ),
    Situation(
        "absence_hours",
        "fault",
        "absence",
        partial(_absences, low=2, high=12),
        "Nothing for 2 to 12 hours, while the others of the fleet send.",
    ),
    Situation(
        "absence_day",
        "fault",
        "absence",
        partial(_absences, low=20, high=36),
        "Nothing for a day, while the others of the fleet send.",
    ),
)

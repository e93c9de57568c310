"""Faults in a fleet of 1,000 entities, and in one of a single entity.

The budget is of the whole pipeline: with 1,000 entities a fault has to be rarer than anything that
normal life brings in 100,000 events of a day.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import season, white
from bench.everyday.fleet import FIRST_FAULT, LAST, Fleet
from bench.everyday.stream import HOUR, MINUTE, Situation, Stream

ENTITIES, AT_FAULT = 1_000, 40
SIZES = {"spike": (8.0, 60.0), "shift": (5.0, 15.0), "stuck": (8.0, 16.0)}
"""Local deviations, of a stuck value: hours."""


def _fault(fleet: Fleet, entity: int, row: int, kind: str) -> None:
    low, high = SIZES[kind]
    size = float(np.exp(fleet.draw.uniform(np.log(low), np.log(high))))
    if kind == "stuck":
        rows = slice(row, row + fleet.steps(size * HOUR))
        fleet.values[rows, entity, 0] = fleet.values[row, entity, 0]
        fleet.add_fault(entity, rows, kind, (0,), True, rows.stop - rows.start)
        return
    rows = slice(row, row + (1 if kind == "spike" else fleet.steps(12 * HOUR)))
    sign = float(fleet.draw.choice([-1, 1]))
    fleet.values[rows, entity, 0] += sign * size * fleet.local[entity, 0]
    fleet.add_fault(entity, rows, kind, (0,), True, size)


def _thousand(draw: np.random.Generator, kind: str) -> Stream:
    fleet = Fleet(draw, ENTITIES, 6.0, 15 * MINUTE)
    season(fleet)
    clear = fleet.steps(16 * HOUR)
    first, last = (fleet.steps(day * 24 * HOUR) for day in (FIRST_FAULT, fleet.days - LAST))
    for entity in draw.choice(ENTITIES, AT_FAULT, replace=False):
        _fault(fleet, int(entity), int(draw.integers(first, last - clear)), kind)
    return fleet.stream(jitter=400.0)


def _single(draw: np.random.Generator, kind: str) -> Stream:
    fleet = Fleet(draw, 1, 70.0)
    white(fleet)
    for entity, row in fleet.weekly(fleet.steps(16 * HOUR)):
        _fault(fleet, entity, row, kind)
    return fleet.stream()


_WORDS = {
    "spike": "one event 8 to 60 deviations off",
    "shift": "twelve hours 5 to 15 deviations off",
    "stuck": "one reading for 8 to 16 hours",
}
SITUATIONS = (
    *(
        Situation(
            f"{kind}_in_1000",
            "fault",
            kind,
            partial(_thousand, kind=kind),
            f"40 of 1,000 entities with a daily season have {words} in six days.",
        )
        for kind, words in _WORDS.items()
    ),
    *(
        Situation(
            f"{kind}_in_1",
            "fault",
            kind,
            partial(_single, kind=kind),
            f"A single entity has {words}, once a week.",
        )
        for kind, words in _WORDS.items()
    ),
)

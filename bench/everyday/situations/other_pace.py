"""Faults of series that send an event an hour, or an event a second."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import autoregressive, season
from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, SECOND, Situation, Stream

SAMPLES = {"spike": (1, 2), "shift": (24, 72), "stuck": (30, 60)}
"""The length of a fault, in events."""
SIZES = {"spike": (8.0, 60.0), "shift": (5.0, 15.0)}
FAST_SAMPLES = {"spike": (1, 2), "shift": (300, 1_800), "stuck": (60, 900)}


def _fault(fleet: Fleet, entity: int, row: int, kind: str, samples: int) -> None:
    rows = slice(row, row + samples)
    if kind == "stuck":
        fleet.values[rows, entity, 0] = fleet.values[row, entity, 0]
        fleet.add_fault(entity, rows, kind, (0,), True, samples)
        return
    low, high = SIZES[kind]
    size = float(np.exp(fleet.draw.uniform(np.log(low), np.log(high))))
    sign = float(fleet.draw.choice([-1, 1]))
    fleet.values[rows, entity, 0] += sign * size * fleet.local[entity, 0]
    fleet.add_fault(entity, rows, kind, (0,), True, size)


def _hourly(draw: np.random.Generator, kind: str) -> Stream:
    """Twenty entities for 60 days, each with a fault in its third week and in its sixth."""
    fleet = Fleet(draw, 20, 60.0, HOUR)
    season(fleet)
    for entity in range(fleet.entities):
        for week in (2, 5):
            row = (7 * week + int(draw.integers(0, 4))) * 24 + int(draw.integers(24))
            _fault(fleet, entity, row, kind, int(draw.integers(*SAMPLES[kind])))
    return fleet.stream(jitter=60.0)


def _fast(draw: np.random.Generator, kind: str) -> Stream:
    """Four entities for ten hours, each with a fault in each second hour from the third on."""
    fleet = Fleet(draw, 4, 10 / 24, SECOND)
    fleet.values += autoregressive(draw, fleet.shape, 0.6)
    fleet.units()
    an_hour = fleet.steps(HOUR)
    for entity in range(fleet.entities):
        for hour in range(2, 9, 2):
            row = hour * an_hour + int(draw.integers(0, an_hour // 2))
            _fault(fleet, entity, row, kind, int(draw.integers(*FAST_SAMPLES[kind])))
    return fleet.stream()


SITUATIONS = (
    *(
        Situation(
            f"{kind}_hourly",
            "fault",
            kind,
            partial(_hourly, kind=kind),
            f"A {kind} in series with an event an hour and a daily season.",
        )
        for kind in SAMPLES
    ),
    *(
        Situation(
            f"{kind}_fast",
            "fault",
            kind,
            partial(_fast, kind=kind),
            f"A {kind} in series with an event a second, AR(.6).",
        )
        for kind in SAMPLES
    ),
)

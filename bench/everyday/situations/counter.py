"""Counters that begin again: a reset is one event, at which the count is small."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import daily
from bench.everyday.fleet import Fleet
from bench.everyday.stream import SECOND, Situation, Stream


def _resets(draw: np.random.Generator, regular: bool) -> Stream:
    fleet = Fleet(draw, 12)
    if regular:
        growth = np.full(fleet.shape, fleet.step / SECOND)
    else:
        rate = draw.uniform(50, 500, (fleet.entities, 1)) * (1 + 0.05 * daily(fleet, 4, 12))
        growth = draw.poisson(np.maximum(rate, 1)).astype(float)
    total = np.cumsum(growth, 0) + draw.integers(0, 10**6, (fleet.entities, 1))
    for entity, row in fleet.weekly(1):
        total[row:, entity] -= total[row, entity] - draw.integers(0, 200)
        fleet.add_fault(entity, slice(row, row + 1), "counter_reset", (0,), True)
    fleet.values += total
    return fleet.stream()


SITUATIONS = (
    Situation(
        "counter_reset",
        "fault",
        "counter_reset",
        partial(_resets, regular=False),
        "A counter of requests, whose process starts again once a week.",
    ),
    Situation(
        "uptime_reboot",
        "fault",
        "counter_reset",
        partial(_resets, regular=True),
        "Seconds since the start, with a reboot a week.",
    ),
)

"""Correlations lost or inverted: each value is ordinary, their relation is not."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import autoregressive
from bench.everyday.fleet import Fleet
from bench.everyday.stream import Situation, Stream

PLAIN = 100
OWN = 0.15
"""Noise of each value, in deviations of the load that they follow."""


def _breaks(draw: np.random.Generator, fault: str, d: int) -> Stream:
    fleet = Fleet(draw, 12, d=d)
    load = np.repeat(autoregressive(draw, (*fleet.shape[:2], 1), 0.9), d, 2)
    other = autoregressive(draw, fleet.shape, 0.9)
    for entity, row in fleet.weekly(240):
        length = int(draw.integers(80, 240))
        rows = slice(row, row + length)
        j = int(draw.integers(d))
        load[rows, entity, j] = (
            other[rows, entity, j] if fault == "lost" else -load[rows, entity, j]
        )
        fleet.add_fault(entity, rows, "correlation", (j,), length >= PLAIN, length)
    gains = draw.choice([-1, 1], (fleet.entities, d)) * draw.uniform(0.7, 1.3, (fleet.entities, d))
    fleet.values += load * gains + OWN * draw.normal(size=fleet.shape)
    fleet.units()
    return fleet.stream()


SITUATIONS = tuple(
    Situation(
        f"correlation_{fault}_{d}",
        "fault",
        "correlation",
        partial(_breaks, fault=fault, d=d),
        f"One of {d} values that follow one load {words} for 7 to 20 hours.",
    )
    for fault, words in (("lost", "goes its own way"), ("inverted", "moves against it"))
    for d in (3, 8)
)

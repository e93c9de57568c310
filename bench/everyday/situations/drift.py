"""Drifts: a value moves off slowly, then is mended."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import WORDS, fleet_of
from bench.everyday.stream import HOUR, Situation, Stream

PLAIN = 8.0


def _drifts(draw: np.random.Generator, background: str, d: int = 1, hours: float = 24.0) -> Stream:
    fleet = fleet_of(draw, background, d)
    length = fleet.steps(hours * HOUR)
    for entity, row in fleet.weekly(length):
        rows = slice(row, row + length)
        j, size = int(draw.integers(d)), float(draw.uniform(6, 20))
        ramp = np.linspace(0, size, length) * draw.choice([-1, 1])
        fleet.values[rows, entity, j] += ramp * fleet.local[entity, j]
        fleet.add_fault(entity, rows, "drift", (j,), size >= PLAIN, size)
    return fleet.stream()


SITUATIONS = (
    *(
        Situation(
            f"drift_{name}",
            "fault",
            "drift",
            partial(_drifts, background=name),
            f"A day's way to 6 to 20 deviations off {WORDS[name]}.",
        )
        for name in ("white", "season", "ar", "tenths")
    ),
    Situation(
        "drift_slow",
        "fault",
        "drift",
        partial(_drifts, background="white", hours=60.0),
        "Two and a half days' way to 6 to 20 deviations off Gaussian noise.",
    ),
    Situation(
        "drift_one_of_three",
        "fault",
        "drift",
        partial(_drifts, background="season", d=3),
        "One of three values drifts for a day.",
    ),
)

"""Level shifts: from one event on another level, for hours."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import WORDS, fleet_of
from bench.everyday.stream import HOUR, Situation, Stream

PLAIN = 5.0


def _shifts(
    draw: np.random.Generator, background: str, d: int = 1, at_fault: int = 1, high: float = 15.0
) -> Stream:
    fleet = fleet_of(draw, background, d)
    for entity, row in fleet.weekly(fleet.steps(24 * HOUR)):
        rows = slice(row, row + fleet.steps(draw.uniform(6, 18) * HOUR))
        values = tuple(sorted(int(j) for j in draw.choice(d, at_fault, replace=False)))
        size = float(np.exp(draw.uniform(np.log(4), np.log(high))))
        sign = 1.0 if fleet.resolution == 1.0 else float(draw.choice([-1, 1]))
        for j in values:
            fleet.values[rows, entity, j] += sign * size * fleet.local[entity, j]
        fleet.add_fault(entity, rows, "shift", values, size >= PLAIN, size)
    return fleet.stream()


def _repeated(draw: np.random.Generator) -> Stream:
    fleet = fleet_of(draw, "white", entities=10)
    for entity, row in fleet.repeats(8):
        rows = slice(row, row + fleet.steps(3 * HOUR))
        fleet.values[rows, entity, 0] += 8 * fleet.local[entity, 0]
        fleet.add_fault(entity, rows, "shift", (0,), True, 8.0)
    return fleet.stream()


SITUATIONS = (
    *(
        Situation(
            f"shift_{name}",
            "fault",
            "shift",
            partial(_shifts, background=name),
            f"Six to eighteen hours 4 to 15 deviations off {WORDS[name]}.",
        )
        for name in ("white", "season", "ar", "tenths", "counts")
    ),
    Situation(
        "shift_repeats",
        "fault",
        "shift",
        _repeated,
        "The same shift of 8 deviations for three hours, eight times an entity.",
    ),
    Situation(
        "shift_one_of_three",
        "fault",
        "shift",
        partial(_shifts, background="season", d=3),
        "One of three values shifted for hours.",
    ),
    Situation(
        "shift_all_of_eight",
        "fault",
        "shift",
        partial(_shifts, background="season", d=8, at_fault=8),
        "All of eight values shifted for hours.",
    ),
)

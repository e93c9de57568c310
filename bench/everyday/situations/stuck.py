"""Stuck values: a sensor repeats its last reading."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import WORDS, fleet_of
from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, Situation, Stream

PLAIN = 30


def _freeze(fleet: Fleet, entity: int, row: int, hours: float, values: tuple[int, ...]) -> None:
    rows = slice(row, row + fleet.steps(hours * HOUR))
    for j in values:
        fleet.values[rows, entity, j] = fleet.values[row, entity, j]
    samples = int(fleet.present[rows, entity].sum())
    fleet.add_fault(entity, rows, "stuck", values, samples >= PLAIN, samples)


def _stuck(
    draw: np.random.Generator,
    background: str,
    d: int = 1,
    at_fault: int = 1,
    lost: float = 0.0,
) -> Stream:
    fleet = fleet_of(draw, background, d)
    if lost:
        fleet.drop(lost)
    for entity, row in fleet.weekly(fleet.steps(13 * HOUR)):
        values = tuple(sorted(int(j) for j in draw.choice(d, at_fault, replace=False)))
        _freeze(fleet, entity, row, float(draw.uniform(2.2, 12)), values)
    return fleet.stream()


def _repeated(draw: np.random.Generator) -> Stream:
    fleet = fleet_of(draw, "season", entities=10)
    for entity, row in fleet.repeats(8):
        _freeze(fleet, entity, row, 4.0, (0,))
    return fleet.stream()


SITUATIONS = (
    *(
        Situation(
            f"stuck_{name}",
            "fault",
            "stuck",
            partial(_stuck, background=name),
            f"{WORDS[name].capitalize()} repeats one reading for 2 to 12 hours.",
        )
        for name in ("white", "season", "ar", "t3", "tenths")
    ),
    Situation(
        "stuck_dropouts",
        "fault",
        "stuck",
        partial(_stuck, background="season", lost=0.3),
        "One reading for 2 to 12 hours, while three of ten events are lost.",
    ),
    Situation(
        "stuck_repeats",
        "fault",
        "stuck",
        _repeated,
        "One reading for four hours, eight times an entity.",
    ),
    Situation(
        "stuck_one_of_three",
        "fault",
        "stuck",
        partial(_stuck, background="season", d=3),
        "One of three values stuck.",
    ),
    Situation(
        "stuck_one_of_eight",
        "fault",
        "stuck",
        partial(_stuck, background="season", d=8),
        "One of eight values stuck.",
    ),
    Situation(
        "stuck_all_of_eight",
        "fault",
        "stuck",
        partial(_stuck, background="season", d=8, at_fault=8),
        "All of eight values stuck.",
    ),
)

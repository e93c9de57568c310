"""Spikes: one event far from where it should be."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import WORDS, fleet_of
from bench.everyday.fleet import Fleet
from bench.everyday.stream import MINUTE, Situation, Stream

SIZES = (6.0, 60.0)
PLAIN = 8.0
ERROR_CODES = (85.0, -127.0)


def _size(fleet: Fleet, low: float = SIZES[0], high: float = SIZES[1]) -> float:
    return float(np.exp(fleet.draw.uniform(np.log(low), np.log(high))))


def _plant(fleet: Fleet, entity: int, row: int, values: tuple[int, ...], size: float) -> None:
    sign = 1.0 if fleet.resolution == 1.0 else float(fleet.draw.choice([-1, 1]))
    for j in values:
        fleet.values[row, entity, j] += sign * size * fleet.local[entity, j]
    fleet.add_fault(entity, slice(row, row + 1), "spike", values, size >= PLAIN, size)


def _spikes(
    draw: np.random.Generator, background: str, d: int = 1, at_fault: int = 1, low: float = 6.0
) -> Stream:
    fleet = fleet_of(draw, background, d)
    for entity, row in fleet.weekly(1):
        values = tuple(sorted(int(j) for j in draw.choice(d, at_fault, replace=False)))
        _plant(fleet, entity, row, values, _size(fleet, low))
    return fleet.stream()


def _within(draw: np.random.Generator) -> Stream:
    fleet = fleet_of(draw, "large_season")
    middle = fleet.values.mean(0)
    for entity, row in fleet.weekly(1):
        size = _size(fleet, 20)
        towards = np.sign(middle[entity, 0] - fleet.values[row, entity, 0])
        fleet.values[row, entity, 0] += towards * size * fleet.local[entity, 0]
        fleet.add_fault(entity, slice(row, row + 1), "spike", (0,), True, size)
    return fleet.stream()


def _repeated(draw: np.random.Generator, background: str) -> Stream:
    fleet = fleet_of(draw, background, entities=10)
    sizes = draw.uniform(10, 40, fleet.entities)
    for entity, row in fleet.repeats(10):
        fleet.values[row, entity, 0] += sizes[entity] * fleet.local[entity, 0]
        size = float(sizes[entity])
        fleet.add_fault(entity, slice(row, row + 1), "spike", (0,), True, size)
    return fleet.stream()


def _error_codes(draw: np.random.Generator) -> Stream:
    fleet = fleet_of(draw, "tenths", entities=10)
    for entity, row in fleet.repeats(8):
        code = ERROR_CODES[entity % 2]
        size = abs(code - fleet.values[row, entity, 0]) / fleet.local[entity, 0]
        fleet.values[row, entity, 0] = code
        fleet.add_fault(entity, slice(row, row + 1), "spike", (0,), True, float(size))
    return fleet.stream()


def _pairs(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 10, 7.0, MINUTE)
    fleet.values += 10 + draw.normal(size=fleet.shape)
    for entity, row in fleet.weekly(3):
        size = _size(fleet, 10)
        for at in (row, row + 2):
            fleet.values[at, entity, 0] += size
            fleet.add_fault(entity, slice(at, at + 1), "spike", (0,), True, size)
    return fleet.stream()


_ONE = ("white", "season", "ar", "tenths", "halves", "counts")
SITUATIONS = (
    *(
        Situation(
            f"spike_{name}",
            "fault",
            "spike",
            partial(_spikes, background=name),
            f"Single events 6 to 60 deviations off {WORDS[name]}.",
        )
        for name in _ONE
    ),
    Situation(
        "spike_t3",
        "fault",
        "spike",
        partial(_spikes, background="t3", low=25.0),
        "Single events 25 to 60 deviations off heavy-tailed noise (t3).",
    ),
    Situation(
        "spike_in_range",
        "fault",
        "spike",
        _within,
        "Single events 20 to 60 noise deviations off, inside the day's range.",
    ),
    Situation(
        "spike_repeats",
        "fault",
        "spike",
        partial(_repeated, background="white"),
        "The same spike ten times an entity, on Gaussian noise.",
    ),
    Situation(
        "spike_repeats_season",
        "fault",
        "spike",
        partial(_repeated, background="season"),
        "The same spike ten times an entity, on a daily season.",
    ),
    Situation(
        "spike_error_code",
        "fault",
        "spike",
        _error_codes,
        "A probe's error code 85 or -127, eight times an entity.",
    ),
    Situation(
        "spike_pair", "fault", "spike", _pairs, "The same spike twice, one sound event between."
    ),
    Situation(
        "spike_one_of_three",
        "fault",
        "spike",
        partial(_spikes, background="season", d=3),
        "One of three values 6 to 60 deviations off.",
    ),
    Situation(
        "spike_one_of_eight",
        "fault",
        "spike",
        partial(_spikes, background="season", d=8),
        "One of eight values 6 to 60 deviations off.",
    ),
    Situation(
        "spike_all_of_eight",
        "fault",
        "spike",
        partial(_spikes, background="season", d=8, at_fault=8),
        "All of eight values 6 to 60 deviations off.",
    ),
)

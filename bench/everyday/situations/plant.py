"""A plant: pumps of five values, and a few faults of each kind over ten days."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bench.everyday.backgrounds import AROUND
from bench.everyday.fleet import FIRST_FAULT, LAST, Fleet
from bench.everyday.stream import DAY, HOUR, MINUTE, Floats, Situation, Stream

NAMES = ("flow", "pressure", "power", "temperature", "vibration")
DRIVEN = 3
"""So many first values follow the load."""
HEIGHTS = np.array([9.0, 7.0, 8.0, 12.0, 3.0])
TABLE = (
    ("spike", 15),
    ("stuck", 3),
    ("stuck_all", 1),
    ("absence", 3),
    ("shift", 3),
    ("drift", 3),
    ("correlation", 5),
    ("burst", 2),
    ("season", 1),
    ("calm", 2),
)
"""How many of each: 38."""


class _Plant:
    """The parts of the pumps' values before they are added up."""

    def __init__(self, draw: np.random.Generator, pumps: int, step: int) -> None:
        self.fleet = Fleet(draw, pumps, 10.0, step, d=len(NAMES))
        self.fleet.names = NAMES
        self.noise = draw.normal(size=self.fleet.shape)
        quiet = np.where(self.fleet.day % 7 >= 5, 0.6, 1.0)[:, None]
        phase = draw.normal(0, 0.02, (pumps, 1))
        self.turn = np.repeat(self.fleet.day[:, None], pumps, 1) + phase[:, 0]
        self.quiet = quiet
        smooth = np.cumsum(draw.normal(size=self.fleet.shape[:2]), 0)
        self.wander = 3 * np.sin(smooth * np.sqrt(step / HOUR))
        self.added = np.zeros(self.fleet.shape)
        self.sign = np.ones(self.fleet.shape)
        self.frozen: list[tuple[int, slice, tuple[int, ...]]] = []

    def values(self) -> Floats:
        day = 0.8 * np.sin(AROUND * self.turn) + 0.2 * np.sin(2 * AROUND * self.turn + 1)
        driven = np.where(np.arange(len(NAMES)) < DRIVEN, 1.0, 0.0)
        season = (day * self.quiet)[:, :, None] * HEIGHTS
        wander = self.wander[:, :, None] * driven * self.sign
        return np.asarray(season + wander + self.noise + self.added)


def _spike(plant: _Plant, entity: int, row: int) -> None:
    j, size = int(plant.fleet.draw.integers(5)), float(plant.fleet.draw.uniform(20, 60))
    plant.added[row, entity, j] = size * plant.fleet.draw.choice([-1, 1])
    plant.fleet.add_fault(entity, slice(row, row + 1), "spike", (j,), True, size)


def _stuck(plant: _Plant, entity: int, row: int, all_values: bool = False) -> None:
    rows = slice(row, row + plant.fleet.steps(3 * HOUR))
    values = tuple(range(5)) if all_values else (int(plant.fleet.draw.integers(5)),)
    plant.frozen.append((entity, rows, values))
    samples = rows.stop - rows.start
    plant.fleet.add_fault(entity, rows, "stuck", values, samples >= 30, samples)


def _absence(plant: _Plant, entity: int, row: int) -> None:
    rows = slice(row, row + plant.fleet.steps(plant.fleet.draw.choice([2, 6]) * HOUR))
    plant.fleet.present[rows, entity] = False
    plant.fleet.add_fault(entity, slice(row, rows.stop + 1), "absence", (), True)


def _shift(plant: _Plant, entity: int, row: int) -> None:
    rows = slice(row, row + plant.fleet.steps(12 * HOUR))
    j, size = int(plant.fleet.draw.integers(5)), float(plant.fleet.draw.uniform(6, 12))
    plant.added[rows, entity, j] = size
    plant.fleet.add_fault(entity, rows, "shift", (j,), True, size)


def _drift(plant: _Plant, entity: int, row: int) -> None:
    rows = slice(row, row + plant.fleet.steps(24 * HOUR))
    j, size = int(plant.fleet.draw.integers(5)), float(plant.fleet.draw.uniform(10, 20))
    plant.added[rows, entity, j] = np.linspace(0, size, rows.stop - rows.start)
    plant.fleet.add_fault(entity, rows, "drift", (j,), True, size)


def _correlation(plant: _Plant, entity: int, row: int) -> None:
    rows = slice(row, row + plant.fleet.steps(2 * HOUR))
    j = int(plant.fleet.draw.integers(DRIVEN))
    plant.sign[rows, entity, j] = plant.fleet.draw.choice([0, -1])
    samples = rows.stop - rows.start
    plant.fleet.add_fault(entity, rows, "correlation", (j,), samples >= 100, samples)


def _variance(plant: _Plant, entity: int, row: int, kind: str) -> None:
    rows = slice(row, row + plant.fleet.steps((1 if kind == "burst" else 6) * HOUR))
    j = 3 + int(plant.fleet.draw.integers(2))
    plant.noise[rows, entity, j] *= 4.0 if kind == "burst" else 0.2
    plain = rows.stop - rows.start >= 30
    plant.fleet.add_fault(entity, rows, kind, (j,), plain, 4.0 if kind == "burst" else 5.0)


def _season(plant: _Plant, entity: int, row: int) -> None:
    rows = slice(row, row + plant.fleet.steps(8 * HOUR))
    plant.turn[rows, entity] += 0.5
    plant.fleet.add_fault(entity, rows, "season", tuple(range(5)), True, 10.0)


_PLANTS: dict[str, Callable[[_Plant, int, int], None]] = {
    "spike": _spike,
    "stuck": _stuck,
    "stuck_all": partial(_stuck, all_values=True),
    "absence": _absence,
    "shift": _shift,
    "drift": _drift,
    "correlation": _correlation,
    "burst": partial(_variance, kind="burst"),
    "calm": partial(_variance, kind="calm"),
    "season": _season,
}


def _pumps(draw: np.random.Generator, pumps: int, step: int, share: float) -> Stream:
    plant = _Plant(draw, pumps, step)
    fleet = plant.fleet
    order = [name for name, count in TABLE for _ in range(max(round(count * share), 1))]
    entities = draw.permutation(pumps)
    while len(entities) < len(order):
        entities = np.concatenate([entities, draw.permutation(pumps)])
    for i, name in enumerate(order):
        # The second fault of a pump is kept days away from its first.
        low, high = FIRST_FAULT, (fleet.days + FIRST_FAULT) / 2 - 1.5
        if i >= pumps:
            low, high = high + 1.5, fleet.days - LAST - 1.2
        _PLANTS[name](plant, int(entities[i]), fleet.steps(draw.uniform(low, high) * DAY))
    fleet.values += plant.values()
    for entity, rows, values in plant.frozen:
        for j in values:
            fleet.values[rows, entity, j] = fleet.values[rows.start, entity, j]
    fleet.units()
    return fleet.stream()


_ABOUT = "pumps of five values with daily and weekly seasons, ten days, each kind of fault"
SITUATIONS = (
    Situation(
        "plant_small",
        "fault",
        "plant",
        partial(_pumps, pumps=12, step=5 * MINUTE, share=0.5),
        f"12 {_ABOUT}, an event each five minutes.",
    ),
    Situation(
        "plant",
        "fault",
        "plant",
        partial(_pumps, pumps=50, step=MINUTE, share=1.0),
        f"50 {_ABOUT}, an event a minute.",
    ),
)

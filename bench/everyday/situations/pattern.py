"""Patterns of a short cycle: a beat that is missing, out of phase, too fast, or has a dip."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import AROUND, cycle
from bench.everyday.fleet import Fleet
from bench.everyday.stream import MINUTE, Floats, Situation, Stream

BEAT = 30
"""Rows of one cycle."""
FAULTS = {
    "missed": (1, "One beat of a cycle of an hour that does not come."),
    "out_of_phase": (3, "Three beats of a cycle of an hour, half a beat late."),
    "faster": (4, "Four beats of a cycle of an hour at one and a half times the pace."),
    "dip": (1, "A dip of a beat, inside the range of the cycle."),
    "upside_down": (2, "Two beats upside down."),
}


def _patterns(draw: np.random.Generator, fault: str) -> Stream:
    fleet = Fleet(draw, 10, 10.0, 2 * MINUTE)
    turn = cycle(fleet, 2 * BEAT)[:, :, 0]
    height = draw.uniform(8, 20, fleet.entities)
    length = FAULTS[fault][0] * BEAT
    places = list(fleet.weekly(length))
    shown = np.ones_like(turn)
    for entity, row in places:
        rows = slice(row, row + length)
        if fault == "out_of_phase":
            turn[rows, entity] += 0.5
        elif fault == "faster":
            turn[rows, entity] += 0.5 * np.arange(length) / BEAT
        elif fault == "upside_down":
            shown[rows, entity] = -1
        elif fault == "missed":
            shown[rows, entity] = 0
        fleet.add_fault(entity, rows, "pattern", (0,), True, float(height[entity]))
    values = height * shown * _beat(turn)
    if fault == "dip":
        for entity, row in places:
            _dip(values, entity, row, height[entity])
    fleet.values += values[:, :, None] + draw.normal(size=fleet.shape)
    fleet.units()
    return fleet.stream()


def _dip(values: Floats, entity: int, row: int, height: float) -> None:
    """Lower a third of a beat from its peak by its height: an ordinary value, at a wrong moment."""
    peak = row + int(np.argmax(values[row : row + BEAT, entity]))
    values[peak - 4 : peak + 4, entity] -= height


def _beat(turn: Floats) -> Floats:
    return np.asarray(0.8 * np.sin(AROUND * turn) + 0.3 * np.sin(2 * AROUND * turn + 1))


SITUATIONS = tuple(
    Situation(f"pattern_{fault}", "fault", "pattern", partial(_patterns, fault=fault), about)
    for fault, (_, about) in FAULTS.items()
)

"""Limits: values that go to and fro between bounds, in their own time, and faults beyond them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, Floats, Situation, Stream

Course = Callable[[np.random.Generator, int, range], Floats]
"""From a number of steps of five minutes and those of a fault, a course around 0..1."""
NO_FAULT = range(0)


def _tank(draw: np.random.Generator, steps: int, fault: range) -> Floats:
    """A tank that empties by demand and is filled from a fifth to four fifths; or overflows."""
    level, filling = 0.5, False
    course = np.empty(steps)
    for i in range(steps):
        wrong = i in fault
        level += draw.uniform(0.05, 0.07) if filling else -draw.uniform(0.01, 0.04)
        full = 0.95 if wrong else 0.8
        if level >= full:
            level = min(level, full + 0.01)
            filling = wrong
        elif level <= 0.2:
            filling = True
        course[i] = level
    return course + 0.002 * draw.normal(size=steps)


def _oven(draw: np.random.Generator, steps: int, fault: range) -> Floats:
    """An oven that heats up, holds for 30 to 80 minutes and cools; or holds a tenth higher."""
    course = np.empty(steps)
    heat, held = 0.2, 0
    for i in range(steps):
        goal = 1.12 if i in fault else 1.0
        if held == 0:
            held = int(draw.integers(6, 16))
        if held > 0:
            heat += 0.6 * (goal - heat)
            held -= 1
            held = held if held else -int(draw.integers(3, 7))
        else:
            heat += 0.35 * (0.2 - heat)
            held += 1
        course[i] = heat
    return course + 0.003 * draw.normal(size=steps)


def _freezer(draw: np.random.Generator, steps: int, fault: range) -> Floats:
    """A freezer between two points of its thermostat; or warmer by half of their distance."""
    course = np.empty(steps)
    heat, cooling = 0.5, True
    for i in range(steps):
        least, most = (0.6, 1.5) if i in fault else (0.0, 1.0)
        heat += draw.uniform(-0.25, -0.15) if cooling else draw.uniform(0.08, 0.16)
        cooling = heat > least if cooling else heat >= most
        course[i] = heat
    return course + 0.02 * draw.normal(size=steps)


def _stream(
    draw: np.random.Generator, course: Course, unit: float, hours: tuple[float, float] | None
) -> Stream:
    fleet = Fleet(draw, 12)
    wrong: dict[int, list[slice]] = {}
    if hours is not None:
        for entity, row in fleet.weekly(fleet.steps(6 * HOUR)):
            rows = slice(row, row + fleet.steps(draw.uniform(*hours) * HOUR))
            wrong.setdefault(entity, []).append(rows)
    for entity in range(fleet.entities):
        parts, at = [], 0
        for rows in wrong.get(entity, ()):
            # Each part goes on for a while behind its fault.
            until = rows.stop + fleet.steps(2 * HOUR)
            parts.append(course(draw, until - at, range(rows.start - at, rows.stop - at)))
            at = until
        parts.append(course(draw, len(fleet.times) - at, NO_FAULT))
        fleet.values[:, entity, 0] = np.concatenate(parts)
        for rows in wrong.get(entity, ()):
            also = ("spike", "drift", "burst", "pattern", "season", "stuck", "calm")
            fleet.add_fault(entity, rows, "shift", (0,), True, also=also)
    fleet.values *= unit * draw.uniform(0.8, 1.2, (fleet.entities, 1))
    fleet.quantise(unit / 1_000)
    return fleet.stream()


def _situation(name: str, course: Course, unit: float, about: str, faults: bool) -> Situation:
    build = partial(_stream, course=course, unit=unit, hours=(2, 5) if faults else None)
    if faults:
        return Situation(f"shift_{name}", "fault", "shift", build, about)
    return Situation(f"quiet_{name}", "normal", "noise", build, about)


SITUATIONS = tuple(
    _situation(name, course, unit, about, faults)
    for name, course, unit, normal, fault in (
        ("tank", _tank, 100.0, "A level that is used up and filled.", "It is filled too far."),
        ("oven", _oven, 200.0, "Batches of lengths of their own.", "They are a tenth too hot."),
        ("freezer", _freezer, 4.0, "A thermostat between two points.", "It is too warm."),
    )
    for faults, about in ((False, normal), (True, fault))
)

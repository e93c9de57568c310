"""Missed seasons: a day, a shift or a job that does not come, or comes at the wrong time."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.everyday.backgrounds import AROUND
from bench.everyday.fleet import Fleet
from bench.everyday.stream import DAY, HOUR, MINUTE, Situation, Stream

OPEN, CLOSED = 8, 18


def _working(fleet: Fleet, weekends: bool) -> NDArray[np.float64]:
    """Return 1 in working hours, with slopes of half an hour: float64 [t]."""
    hour = fleet.day % 1 * 24
    height = np.clip(np.minimum(hour - OPEN, CLOSED - hour) * 2, 0, 1)
    return np.asarray(np.where(fleet.day % 7 >= 5, 0.0, height) if weekends else height)


def _hours(draw: np.random.Generator, d: int = 1) -> Stream:
    fleet = Fleet(draw, 12, d=d)
    height = draw.uniform(8, 20, (fleet.entities, d))
    work = np.repeat(_working(fleet, False)[:, None], fleet.entities, 1)
    for entity, row in fleet.weekly(1, fleet.steps(DAY)):
        day = int(np.ceil(fleet.day[row]))
        rows = slice(fleet.steps((day + OPEN / 24) * DAY), fleet.steps((day + CLOSED / 24) * DAY))
        if fleet.days - day < 1:
            continue
        work[rows, entity] = 0
        size = float(height[entity].max())
        fleet.add_fault(entity, rows, "season", tuple(range(d)), True, size)
    fleet.values += work[:, :, None] * height + draw.normal(size=fleet.shape)
    fleet.units()
    return fleet.stream()


def _sunday(draw: np.random.Generator) -> Stream:
    """Weekdays on which nobody works, from the third week on."""
    fleet = Fleet(draw, 10, 28, 15 * MINUTE)
    work = np.repeat(_working(fleet, True)[:, None], fleet.entities, 1)
    height = draw.uniform(8, 20, (fleet.entities, 1))
    for entity in range(fleet.entities):
        for monday in (14, 21):
            day = monday + int(draw.integers(5))
            first = fleet.steps((day + OPEN / 24) * DAY)
            rows = slice(first, fleet.steps((day + CLOSED / 24) * DAY))
            work[rows, entity] = 0
            fleet.add_fault(entity, rows, "season", (0,), True, float(height[entity, 0]))
    fleet.values += work[:, :, None] * height + draw.normal(size=fleet.shape)
    fleet.units()
    return fleet.stream()


def _night_at_day(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 12)
    height = draw.uniform(6, 15, (fleet.entities, 1))
    turn = np.repeat(fleet.day[:, None], fleet.entities, 1) + draw.random(fleet.entities)
    length = fleet.steps(8 * HOUR)
    for entity, row in fleet.weekly(length):
        rows = slice(row, row + length)
        turn[rows, entity] += 0.5
        fleet.add_fault(entity, rows, "season", (0,), True, float(height[entity, 0]))
    wave = np.sin(AROUND * turn)[:, :, None]
    fleet.values += height * wave + draw.normal(size=fleet.shape)
    fleet.units()
    return fleet.stream()


def _job(draw: np.random.Generator, fault: str) -> Stream:
    """A job of ten minutes in each hour, that fails for three hours or runs at another minute."""
    fleet = Fleet(draw, 12)
    an_hour = fleet.steps(HOUR)
    at = draw.integers(0, an_hour, fleet.entities)
    place = (np.arange(len(fleet.times))[:, None] - at) % an_hour
    height = draw.uniform(12, 30, fleet.entities)
    for entity, row in fleet.weekly(4 * an_hour, an_hour):
        first = row - row % an_hour + int(at[entity])
        rows = slice(first, first + 3 * an_hour)
        if fault == "missed":
            place[rows, entity] = an_hour
        else:
            place[rows, entity] = (place[rows, entity] - an_hour // 2) % an_hour
        fleet.add_fault(entity, rows, "season", (0,), True, float(height[entity]))
    fleet.values += ((place < 2) * height)[:, :, None] + draw.normal(size=fleet.shape)
    fleet.units()
    return fleet.stream()


SITUATIONS = (
    Situation(
        "season_day_missed", "fault", "season", _hours, "A working day on which nothing comes."
    ),
    Situation(
        "season_day_missed_three",
        "fault",
        "season",
        partial(_hours, d=3),
        "A working day on which nothing comes, in three values.",
    ),
    Situation(
        "season_sunday_on_weekday",
        "fault",
        "season",
        _sunday,
        "A weekday like a Sunday, after two weeks.",
    ),
    Situation(
        "season_night_at_day",
        "fault",
        "season",
        _night_at_day,
        "Eight hours half a day out of phase, on a smooth day.",
    ),
    Situation(
        "season_job_missed",
        "fault",
        "season",
        partial(_job, fault="missed"),
        "A job of each hour that does not run for three hours.",
    ),
    Situation(
        "season_job_moved",
        "fault",
        "season",
        partial(_job, fault="moved"),
        "A job of each hour that runs half an hour late for three hours.",
    ),
)

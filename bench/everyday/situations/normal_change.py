"""Normal life: values that change by themselves, and values that never do."""

from __future__ import annotations

import numpy as np

from bench.everyday.backgrounds import daily
from bench.everyday.fleet import Fleet
from bench.everyday.stream import SECOND, Situation, Stream


def _steady_counter(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 12)
    rate = draw.uniform(50, 500, (fleet.entities, 1)) * (1 + 0.05 * daily(fleet, 4, 12))
    fleet.values += np.cumsum(draw.poisson(np.maximum(rate, 1)), 0)
    return fleet.stream()


def _uptime(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 12)
    passed = (fleet.times - fleet.times[0])[:, None, None] / SECOND
    fleet.values += passed + draw.integers(0, 10**6, (fleet.entities, 1))
    return fleet.stream()


def _constant(draw: np.random.Generator) -> Stream:
    fleet = Fleet(draw, 15)
    fleet.values += draw.choice([0.0, 1.0, 42.0, 0.999], (fleet.entities, 1))
    return fleet.stream()


def _another_constant(draw: np.random.Generator) -> Stream:
    """One constant, then for ever another: one message at most, at the change, and none after."""
    fleet = Fleet(draw, 15)
    fleet.values += 0.999
    for entity in range(fleet.entities):
        row = int(draw.integers(*(np.array([4, 10]) * 288)))
        fleet.values[row:, entity] = 1.0
        fleet.add_fault(entity, slice(row, row + 1), "shift", (0,), False)
    return fleet.stream()


def _unit_change(draw: np.random.Generator) -> Stream:
    """Degrees Celsius, then for ever Fahrenheit: reported in its first two days, not later."""
    fleet = Fleet(draw, 12)
    fleet.values += 20 + 0.3 * (daily(fleet, 3, 8) + draw.normal(size=fleet.shape))
    for entity in range(fleet.entities):
        row = int(draw.integers(*(np.array([5, 9]) * 288)))
        fleet.values[row:, entity] = fleet.values[row:, entity] * 1.8 + 32
        fleet.add_fault(entity, slice(row, row + 288), "shift", (0,), False)
    return fleet.stream()


def _modes(draw: np.random.Generator) -> Stream:
    """Idle and busy by turns, at random times."""
    fleet = Fleet(draw, 12)
    switches = draw.random(fleet.shape) < 1 / 24
    busy = np.cumsum(switches, 0) % 2
    fleet.values += np.where(busy > 0, 60, 10) + 2 * draw.normal(size=fleet.shape)
    return fleet.stream()


def _sawtooth(draw: np.random.Generator) -> Stream:
    """A tank that empties and is filled again, at its own pace."""
    fleet = Fleet(draw, 12)
    pace = draw.uniform(0.5, 2.5, (fleet.entities, 1)) * (1 + 0.1 * draw.normal(size=fleet.shape))
    level = 100 - np.cumsum(np.abs(pace), 0) % 80
    fleet.values += level + 0.3 * draw.normal(size=fleet.shape)
    return fleet.stream()


def _rare_errors(draw: np.random.Generator) -> Stream:
    """Mostly none, and on some occasions one to five at once."""
    fleet = Fleet(draw, 15)
    some = draw.random(fleet.shape) < 0.01
    fleet.values += some * draw.integers(1, 6, fleet.shape)
    return fleet.stream()


def _door(draw: np.random.Generator) -> Stream:
    """A door that is open for some minutes by day."""
    fleet = Fleet(draw, 12)
    hour = (fleet.day % 1 * 24)[:, None, None]
    by_day = (hour > 7) & (hour < 20)
    fleet.values += (draw.random(fleet.shape) < 0.1) & by_day
    return fleet.stream()


def _slow_growth(draw: np.random.Generator) -> Stream:
    """A disk that fills by some percent a week."""
    fleet = Fleet(draw, 12, 21)
    slope = draw.uniform(0.2, 2, (fleet.entities, 1))
    fleet.values += 40 + slope * fleet.day[:, None, None] + 0.05 * draw.normal(size=fleet.shape)
    return fleet.stream()


_ABOUT = {
    "counter": (_steady_counter, "A counter of requests that never begins again."),
    "uptime": (_uptime, "Seconds since the start, no reboot."),
    "constant": (_constant, "Values that never move."),
    "another_constant": (_another_constant, ".999 for days, then 1.0 for ever."),
    "unit_change": (_unit_change, "Celsius, then Fahrenheit for ever."),
    "modes": (_modes, "Idle and busy by turns."),
    "sawtooth": (_sawtooth, "A tank that empties and is filled."),
    "rare_errors": (_rare_errors, "No errors, and sometimes one to five."),
    "door": (_door, "A door that is open at times, by day."),
    "slow_growth": (_slow_growth, "A disk that fills slowly."),
}
SITUATIONS = tuple(
    Situation(f"quiet_{name}", "normal", "change", build, about)
    for name, (build, about) in _ABOUT.items()
)

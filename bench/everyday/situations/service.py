"""Faults of services and machines: latency, errors, traffic, flags, the rate of a counter."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.everyday.backgrounds import daily
from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, MINUTE, Situation, Stream


def _rows(fleet: Fleet, row: int, low: float, high: float) -> slice:
    return slice(row, row + fleet.steps(fleet.draw.uniform(low, high) * HOUR))


def _latency(draw: np.random.Generator) -> Stream:
    """Medians of many requests: a narrow lognormal with a daily season, 2.5 to 6 times as much."""
    fleet = Fleet(draw, 12)
    usual = np.exp(0.05 * daily(fleet, 1, 4) + 0.1 * draw.normal(size=fleet.shape))
    for entity, row in fleet.weekly(fleet.steps(6 * HOUR)):
        rows, factor = _rows(fleet, row, 2, 6), float(draw.uniform(2.5, 6))
        usual[rows, entity] *= factor
        size = (factor - 1) / 0.1
        fleet.add_fault(entity, rows, "shift", (0,), True, size, ("burst",))
    fleet.values += draw.uniform(20, 200, (fleet.entities, 1)) * usual
    return fleet.stream()


def _errors(draw: np.random.Generator) -> Stream:
    """Of 1,000 requests one fails at times, then 10 to 100 for hours."""
    fleet = Fleet(draw, 12)
    mean = np.full(fleet.shape, 0.2)
    for entity, row in fleet.weekly(fleet.steps(6 * HOUR)):
        rows, failing = _rows(fleet, row, 2, 6), float(draw.uniform(10, 100))
        mean[rows, entity] = failing
        fleet.add_fault(entity, rows, "shift", (0,), True, failing, ("burst",))
    fleet.values += draw.poisson(mean)
    return fleet.stream()


def _traffic_ends(draw: np.random.Generator) -> Stream:
    """Requests in five minutes, by day 200 to 2,000, none for hours."""
    fleet = Fleet(draw, 12)
    mean = draw.uniform(200, 2_000, (fleet.entities, 1)) * (1 + 0.05 * daily(fleet, 4, 12))
    for entity, row in fleet.weekly(fleet.steps(8 * HOUR)):
        rows = _rows(fleet, row, 3, 8)
        mean[rows, entity] = 0
        fleet.add_fault(entity, rows, "shift", (0,), True, also=("stuck", "season"))
    fleet.values += draw.poisson(mean)
    return fleet.stream()


def _flag_stays(draw: np.random.Generator) -> Stream:
    """An alarm contact that is up one time in twenty, up for hours."""
    fleet = Fleet(draw, 12)
    flag = draw.random(fleet.shape) < 0.05
    for entity, row in fleet.weekly(fleet.steps(12 * HOUR)):
        rows = _rows(fleet, row, 4, 12)
        flag[rows, entity] = True
        samples = rows.stop - rows.start
        fleet.add_fault(entity, rows, "stuck", (0,), True, samples, ("shift",))
    fleet.values += flag
    return fleet.stream()


def _counter(draw: np.random.Generator, factor: float) -> Stream:
    """A counter of requests that goes on at another rate for hours, or stands."""
    fleet = Fleet(draw, 12)
    rate = draw.uniform(50, 500, (fleet.entities, 1)) * (1 + 0.03 * daily(fleet, 4, 12))
    for entity, row in fleet.weekly(fleet.steps(12 * HOUR)):
        rows = _rows(fleet, row, 4, 12)
        rate[rows, entity] *= factor
        kind, also = ("stuck", ("shift",)) if factor == 0 else ("shift", ("burst",))
        fleet.add_fault(entity, rows, kind, (0,), True, also=also)
    fleet.values += np.cumsum(draw.poisson(rate), 0)
    return fleet.stream()


def _queue(draw: np.random.Generator) -> Stream:
    """The depth of a queue: bursts are worked off, until workers fail for hours."""
    fleet = Fleet(draw, 8, step=MINUTE)
    arrivals = draw.poisson(50 * (1 + 0.03 * daily(fleet, 4, 12))[:, :, 0])
    arrivals += (draw.random(arrivals.shape) < 0.002) * draw.integers(200, 800, arrivals.shape)
    worked_off = np.full(arrivals.shape, 100)
    for entity, row in fleet.weekly(fleet.steps(6 * HOUR)):
        rows = _rows(fleet, row, 1, 3)
        worked_off[rows, entity] = 20
        fleet.add_fault(entity, rows, "shift", (0,), True, also=("drift", "burst", "season"))
    depth = np.zeros(fleet.entities)
    for i in range(len(arrivals)):
        depth = np.maximum(depth + arrivals[i] - worked_off[i], 0)
        fleet.values[i, :, 0] = depth
    return fleet.stream()


SITUATIONS = (
    Situation(
        "shift_latency", "fault", "shift", _latency, "Latency 2.5 to 6 times as long for hours."
    ),
    Situation("shift_queue", "fault", "shift", _queue, "A queue that is not worked off for hours."),
    Situation("shift_errors", "fault", "shift", _errors, "10 to 100 errors where 0 or 1 are."),
    Situation("shift_traffic_ends", "fault", "shift", _traffic_ends, "No requests for hours."),
    Situation("stuck_flag", "fault", "stuck", _flag_stays, "A flag that stays up for hours."),
    Situation(
        "stuck_counter",
        "fault",
        "stuck",
        partial(_counter, factor=0.0),
        "A counter that stops for hours.",
    ),
    Situation(
        "shift_counter",
        "fault",
        "shift",
        partial(_counter, factor=4.0),
        "A counter that grows four times as fast for hours.",
    ),
)

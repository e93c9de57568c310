"""Requests: an event each, as they come, with its duration, its size and its status."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.everyday.fleet import Fleet
from bench.everyday.stream import HOUR, SECOND, Floats, Situation, Stream

NAMES = ("ms", "bytes", "status")
MS, BYTES, STATUS = range(3)
ALSO = "burst", "drift"
"""Kinds that a shift of such values is as rightly called."""


class Endpoints:
    """Endpoints of a service; none of their events depends on the one before.

    Attributes:
        fleet: an entity each.
        rate: float64 [t, entities], requests a second, by day eight times as many as by night.
    """

    def __init__(self, draw: np.random.Generator) -> None:
        self.fleet = fleet = Fleet(draw, 6, 5.0, SECOND, 3)
        fleet.names = NAMES
        peak = draw.uniform(0.05, 0.3, fleet.entities)
        night = np.exp(np.log(8) * 0.5 * (np.cos(2 * np.pi * fleet.day) - 1))[:, None]
        self.rate: Floats = peak * night[::-1]
        spread = draw.uniform(0.3, 0.9, fleet.entities)
        self._fill(MS, draw.uniform(10, 500, fleet.entities), spread)
        self._fill(BYTES, draw.uniform(500, 50_000, fleet.entities), np.ones(fleet.entities))
        status = draw.choice([200, 304, 404, 500], fleet.shape[:2], p=[0.88, 0.1, 0.018, 0.002])
        fleet.values[:, :, STATUS] = status
        fleet.values[:, :, BYTES] = np.where(status == 304, 0, np.round(fleet.values[:, :, BYTES]))

    def _fill(self, value: int, median: Floats, spread: Floats) -> None:
        noise = self.fleet.draw.normal(size=self.fleet.shape[:2])
        self.fleet.values[:, :, value] = np.round(median * np.exp(spread * noise), 1)

    def faults(self) -> Iterator[tuple[int, slice]]:
        """Yield entity and rows of one fault of an hour in each endpoint."""
        steps = self.fleet.steps(HOUR)
        for entity, row in self.fleet.weekly(steps):
            yield entity, slice(row, row + steps)

    def stream(self) -> Stream:
        """Return the requests."""
        present: NDArray[np.bool_] = self.fleet.draw.random(self.rate.shape) < self.rate
        self.fleet.present &= present
        return self.fleet.stream(jitter=0.4)


def _quiet(draw: np.random.Generator) -> Stream:
    return Endpoints(draw).stream()


def _faulty(
    draw: np.random.Generator,
    harm: Callable[[Endpoints, int, slice], None],
    kind: str,
    values: tuple[int, ...],
    also: tuple[str, ...],
) -> Stream:
    endpoints = Endpoints(draw)
    for entity, rows in endpoints.faults():
        harm(endpoints, entity, rows)
        endpoints.fleet.add_fault(entity, rows, kind, values, True, also=also)
    return endpoints.stream()


def _slow(endpoints: Endpoints, entity: int, rows: slice) -> None:
    fleet = endpoints.fleet
    fleet.values[rows, entity, MS] *= fleet.draw.uniform(3, 6)


def _fail(endpoints: Endpoints, entity: int, rows: slice) -> None:
    fleet = endpoints.fleet
    fails = fleet.draw.random(rows.stop - rows.start) < 1 / 3
    status = fleet.values[rows, entity, STATUS]
    fleet.values[rows, entity, STATUS] = np.where(fails, 500, status)


def _empty(endpoints: Endpoints, entity: int, rows: slice) -> None:
    endpoints.fleet.values[rows, entity, BYTES] = 0


def _crowd(endpoints: Endpoints, entity: int, rows: slice) -> None:
    endpoints.rate[rows, entity] = np.minimum(6 * endpoints.rate[rows, entity], 1)


def _situation(
    name: str,
    kind: str,
    harm: Callable[[Endpoints, int, slice], None],
    values: tuple[int, ...],
    about: str,
    also: tuple[str, ...] = (),
) -> Situation:
    build = partial(_faulty, harm=harm, kind=kind, values=values, also=also)
    return Situation(name, "fault", kind, build, about)


SITUATIONS = (
    Situation("quiet_requests", "normal", "sending", _quiet, "Single requests of six endpoints."),
    _situation(
        "shift_requests", "shift", _slow, (MS,), "Requests take 3 to 6 times as long.", ALSO
    ),
    _situation("shift_statuses", "shift", _fail, (STATUS,), "A third of the requests fail.", ALSO),
    _situation("stuck_answers", "stuck", _empty, (BYTES,), "All answers are empty for an hour."),
    _situation("cadence_requests", "cadence", _crowd, (), "Six times as many requests."),
)

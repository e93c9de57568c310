"""Requests: an event each, as they come, with its duration, its size and its status."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.everyday.fleet import Fleet
from bench.everyday.stream import MINUTE, SECOND, Floats, Situation, Stream

NAMES = ("ms", "bytes", "status")
MS, BYTES, STATUS = range(3)


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

    def faults(self, minutes: int) -> Iterator[tuple[int, slice]]:
        """Yield entity and rows of one fault in each endpoint."""
        steps = self.fleet.steps(minutes * MINUTE)
        for entity, row in self.fleet.weekly(steps):
            yield entity, slice(row, row + steps)

    def stream(self) -> Stream:
        """Return the requests."""
        present: NDArray[np.bool_] = self.fleet.draw.random(self.rate.shape) < self.rate
        self.fleet.present &= present
        return self.fleet.stream(jitter=0.4)


def _quiet(draw: np.random.Generator) -> Stream:
    return Endpoints(draw).stream()


def _slower(draw: np.random.Generator) -> Stream:
    """All requests take three to six times as long."""
    endpoints = Endpoints(draw)
    for entity, rows in endpoints.faults(60):
        endpoints.fleet.values[rows, entity, MS] *= draw.uniform(3, 6)
        also = ("burst", "drift")
        endpoints.fleet.add_fault(entity, rows, "shift", (MS,), True, also=also)
    return endpoints.stream()


def _errors(draw: np.random.Generator) -> Stream:
    """A third of the requests fail."""
    endpoints = Endpoints(draw)
    for entity, rows in endpoints.faults(60):
        fail = draw.random(rows.stop - rows.start) < 1 / 3
        status = endpoints.fleet.values[rows, entity, STATUS]
        endpoints.fleet.values[rows, entity, STATUS] = np.where(fail, 500, status)
        also = ("burst", "drift")
        endpoints.fleet.add_fault(entity, rows, "shift", (STATUS,), True, also=also)
    return endpoints.stream()


def _empty(draw: np.random.Generator) -> Stream:
    """All answers are empty."""
    endpoints = Endpoints(draw)
    for entity, rows in endpoints.faults(60):
        endpoints.fleet.values[rows, entity, BYTES] = 0
        endpoints.fleet.add_fault(entity, rows, "stuck", (BYTES,), True)
    return endpoints.stream()


def _crowd(draw: np.random.Generator) -> Stream:
    """Six times as many requests."""
    endpoints = Endpoints(draw)
    for entity, rows in endpoints.faults(60):
        endpoints.rate[rows, entity] = np.minimum(6 * endpoints.rate[rows, entity], 1)
        endpoints.fleet.add_fault(entity, rows, "cadence", (), True)
    return endpoints.stream()


SITUATIONS = (
    Situation("quiet_requests", "normal", "sending", _quiet, "Single requests of six endpoints."),
    Situation("shift_requests", "fault", "shift", _slower, "Requests take 3 to 6 times as long."),
    Situation("shift_statuses", "fault", "shift", _errors, "A third of the requests fail."),
    Situation("stuck_answers", "fault", "stuck", _empty, "All answers are empty for an hour."),
    Situation("cadence_requests", "fault", "cadence", _crowd, "Six times as many requests."),
)

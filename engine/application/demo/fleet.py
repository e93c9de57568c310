"""A simulated fleet of sensors: seasons, drifts, noise, and faults whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FaultKind = Literal["spike", "level shift", "noise burst", "dropout", "stuck", "drift"]
KINDS: tuple[FaultKind, ...] = (
    "spike",
    "level shift",
    "noise burst",
    "dropout",
    "stuck",
    "drift",
)
MINUTES: dict[FaultKind, int] = {
    "spike": 2,
    "level shift": 60,
    "noise burst": 40,
    "dropout": 5,
    "stuck": 60,
    "drift": 240,
}
"""How long a fault lasts."""
LONGEST = max(MINUTES.values())
VALUES = ("temperature", "vibration", "current")
STEP_NS = 60_000_000_000
"""A reading a minute, in event time."""
MINUTES_PER_DAY = 1440
EPISODE_MINUTES = 60
SETTLING_MINUTES = 60
"""Minutes after a fault during which its sensor may still look strange."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected fault: minutes start (included) to stop (excluded) of one sensor."""

    sensor: int
    kind: FaultKind
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Episode:
    """Something that is not a fault to find among others: minutes start to stop of one sensor."""

    sensor: int
    start: int
    stop: int

    def holds(self, minute: int) -> bool:
        """Return whether it is on at a minute."""
        return self.start <= minute < self.stop


@dataclass(frozen=True)
class Fleet:
    """Everything is decided by the seed.

    Attributes:
        sensors: how many.
        minutes: length of the stream in event time.
        learning: minutes at the start without faults: two days, so that the daily cycle is known.
        faults: how many are injected, each in a sensor of its own.
        start: ns since 1970 of the first reading; a Monday, at midnight in UTC.
        seed: of everything random.
    """

    sensors: int = 300
    minutes: int = 4320
    learning: int = 2880
    faults: int = 60
    start: int = 1_767_571_200_000_000_000
    seed: int = 7

    def __post_init__(self) -> None:
        if self.faults > self.sensors:
            raise ValueError("each fault needs a sensor of its own")

    @property
    def events(self) -> int:
        """Readings in the whole stream."""
        silent = self.absence
        return self.sensors * self.minutes - (0 if silent is None else silent.stop - silent.start)

    @property
    def absence(self) -> Episode | None:
        """A healthy sensor that stops sending for an hour; None if no sensor is healthy."""
        return self._episode(0, EPISODE_MINUTES)

    @property
    def maintenance(self) -> Episode | None:
        """A healthy sensor that is worked on, and reads wrong meanwhile; the pipeline knows."""
        return self._episode(1, EPISODE_MINUTES)

    def _episode(self, number: int, minutes: int) -> Episode | None:
        healthy = sorted(set(range(self.sensors)) - {fault.sensor for fault in self.injected()})
        if not self.faults or len(healthy) <= number:
            return None
        start = (self.learning + self.minutes) // 2 - 2 * number * minutes
        return Episode(healthy[number], start, start + minutes)

    def name(self, sensor: int) -> str:
        """Return the entity key of a sensor."""
        return f"press-{sensor:03d}"

    def injected(self) -> list[Fault]:
        """Return the faults, in order of sensor."""
        draw = np.random.default_rng([self.seed, 1])
        sensors = sorted(draw.choice(self.sensors, self.faults, replace=False))
        starts = draw.integers(self.learning, self.minutes - LONGEST, self.faults)
        return [
            _fault(int(sensor), KINDS[i % len(KINDS)], int(start))
            for i, (sensor, start) in enumerate(zip(sensors, starts, strict=True))
        ]

    def readings(self) -> NDArray[np.float64]:
        """Return float64 [minutes, sensors, 3]: degrees Celsius, mm/s, ampere."""
        draw = np.random.default_rng([self.seed, 2])
        minute = np.arange(self.minutes)[:, None]
        phase = draw.uniform(0, 2 * np.pi, self.sensors)
        day = np.sin(2 * np.pi * minute / MINUTES_PER_DAY + phase)
        drift = draw.normal(0, 1.5, self.sensors) * minute / MINUTES_PER_DAY
        noise = draw.normal(0, 1, (3, self.minutes, self.sensors))
        load = _smooth(draw.normal(0, 1, (self.minutes, self.sensors)))
        level = draw.uniform(0.8, 1.2, (3, self.sensors))
        temperature = 60 * level[0] + 4 * day + drift + load + 0.6 * noise[0]
        vibration = 3 * level[1] * np.exp(0.08 * noise[1] + 0.05 * load)
        current = 20 * level[2] + 1.2 * load + 0.5 * day + 0.3 * noise[2]
        readings = np.stack([temperature, vibration, current], axis=-1)
        for fault in self.injected():
            inject(readings, fault, draw)
        if (work := self.maintenance) is not None:
            readings[work.start : work.stop, work.sensor, 0] += 30
        return readings

    def messages(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield the stream minute by minute: the sensors' keys and their JSON payloads."""
        keys = [self.name(sensor).encode() for sensor in range(self.sensors)]
        names = [self.name(sensor) for sensor in range(self.sensors)]
        silent = self.absence
        for minute, row in enumerate(self.readings().round(4).tolist()):
            ms = (self.start + minute * STEP_NS) // 1_000_000
            values = [
                f'{{"sensor":"{name}","ts":{ms},"temperature":{t},"vibration":{v},"current":{c}}}'.encode()
                for name, (t, v, c) in zip(names, row, strict=True)
            ]
            if silent is not None and silent.holds(minute):
                own = silent.sensor
                yield keys[:own] + keys[own + 1 :], values[:own] + values[own + 1 :]
            else:
                yield keys, values


def _fault(sensor: int, kind: FaultKind, start: int) -> Fault:
    return Fault(sensor, kind, start, start + MINUTES[kind])


def _smooth(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a slow load: an average over half an hour, of unit variance."""
    total = np.cumsum(np.concatenate([np.zeros((30, noise.shape[1])), noise]), axis=0)
    load: NDArray[np.float64] = (total[30:] - total[:-30]) / np.sqrt(30)
    return load


def inject(readings: NDArray[np.float64], fault: Fault, draw: np.random.Generator) -> None:
    """Change readings, float64 [minutes, sensors, 3], into those that a fault makes of them."""
    rows = readings[fault.start : fault.stop, fault.sensor]
    if fault.kind == "spike":
        rows[:, 0] += 25
    elif fault.kind == "level shift":
        rows[:, 2] += 9
    elif fault.kind == "noise burst":
        rows[:, 1] *= np.exp(draw.normal(0, 0.8, len(rows)))
    elif fault.kind == "stuck":
        rows[:, 1] = readings[fault.start - 1, fault.sensor, 1]
    elif fault.kind == "drift":
        rows[:, 0] += 20 * np.arange(1, len(rows) + 1) / len(rows)
    else:
        rows[:, 2] = 0

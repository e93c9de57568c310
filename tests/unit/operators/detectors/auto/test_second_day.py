"""On the second day it is not known yet by how much one day differs from the next."""

from __future__ import annotations

import numpy as np

from engine.domain.batch import Floats, Int64s
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    autoregressive,
    explain,
    minutes,
)

STEP = 5 * MINUTE
PER_DAY = DAY // STEP
SERIES = 30
RARE = 3e-4
"""The threshold of 60 entities with 288 events a day at 10 false alarms a day is 6e-4."""


def times_of(days: int) -> Int64s:
    return MONDAY + STEP * np.arange(days * PER_DAY, dtype=np.int64)


def traffic(days: int, seed: int) -> Floats:
    """Return traffic of an office, whose noise is a share of it."""
    hour = times_of(days) % DAY / HOUR
    usual = 0.08 + np.exp(-(((hour - 14) / 3.5) ** 2))
    wandering = autoregressive(days * PER_DAY, 0.7, seed)
    result: Floats = 100 * usual * np.exp(0.25 * wandering / wandering.std())
    return result[:, None]


def rare_on_the_second_day(values: Floats) -> int:
    found = explain(AutoDetector(1).bank(1), values, times_of(2))
    return int((found.p_values[PER_DAY:] < RARE).sum())


def test_the_second_day_of_traffic_brings_few_messages() -> None:
    rare = [rare_on_the_second_day(traffic(2, seed)) for seed in range(SERIES)]

    assert np.count_nonzero(rare) <= 4


def test_a_shift_far_beyond_the_first_day_is_found_on_the_second() -> None:
    values = traffic(2, seed=0)
    values[PER_DAY + 120 : PER_DAY + 144] += 1_500

    assert rare_on_the_second_day(values) > 0


def rare_of_a_machine(seed: int) -> int:
    """Return rare events of a machine that rests until six, and then works in batches."""
    draw = np.random.default_rng(seed)
    times = minutes(2 * 1_440)
    hour = times % DAY / HOUR
    turn = np.cumsum(draw.uniform(0.008, 0.014, len(times))) % 1
    batch = np.where(turn < 0.2, 100 + 500 * turn, np.where(turn < 0.75, 200.0, 100.0))
    working = (hour >= 6) & (hour < 22)
    values = np.where(working, batch + draw.normal(size=len(times)), 25.0)
    found = explain(AutoDetector(1).bank(1), values[:, None], times)
    return int((found.p_values[1_440 + 30 :] < 7e-5).sum())


def test_a_machine_that_rests_in_the_night_is_as_usual_on_the_second_day() -> None:
    rare = [rare_of_a_machine(seed) for seed in range(6)]

    assert np.count_nonzero(rare) <= 1

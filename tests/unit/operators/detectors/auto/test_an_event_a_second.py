"""Sensors that send an event a second are judged by the minute as well."""

from __future__ import annotations

from functools import cache
from math import exp, sqrt

import numpy as np
import pytest
from scipy.signal import lfilter

from engine.domain.batch import Floats
from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    autoregressive,
    explain,
    noise,
)

SECOND = MINUTE // 60
PER_HOUR, PER_DAY = HOUR // SECOND, DAY // SECOND
FAULT = 3 * PER_DAY + 7 * PER_HOUR
ALLOWED_A_DAY = 1.0


def white() -> Floats:
    return noise(4 * PER_DAY, 1, 5)[:, 0]


def slow() -> Floats:
    """A day of ten deviations, around it what stays for ten minutes, and a little noise."""
    day = 10 * np.sin(2 * np.pi * np.arange(4 * PER_DAY) / PER_DAY)
    carried = exp(-1 / 600)
    around = sqrt(1 - carried**2) * autoregressive(4 * PER_DAY, carried, seed=6)
    return np.asarray(day + around + 0.2 * white())


SENSORS = {"white": white, "slow": slow}


@cache
def explained(sensor: str, fault: str = "none") -> Explanation:
    values = SENSORS[sensor]().copy()
    if fault == "drift":
        values[FAULT : FAULT + 6 * PER_HOUR] += np.linspace(0, 10, 6 * PER_HOUR)
    if fault == "shift":
        values[FAULT : FAULT + 2 * PER_HOUR] += 1.0
    times = MONDAY + SECOND * np.arange(len(values), dtype=np.int64)
    return explain(AutoDetector(1).bank(1), values[:, None], times)


@pytest.mark.parametrize("sensor", SENSORS)
def test_normal_life_is_as_rare_as_it_is(sensor: str) -> None:
    onsets = explained(sensor).onset_p_values

    assert np.nansum(onsets < ALLOWED_A_DAY / PER_DAY) <= 4 * ALLOWED_A_DAY


def test_batches_may_be_cut_anywhere() -> None:
    values = slow()[: PER_DAY + PER_HOUR, None]
    times = MONDAY + SECOND * np.arange(len(values), dtype=np.int64)
    bank, cut = AutoDetector(1).bank(1), PER_DAY + 97

    found = [explain(bank, values[:cut], times[:cut]), explain(bank, values[cut:], times[cut:])]

    assert bank.records["values"]["block"]["judged"].all()
    p_values = np.concatenate([one.p_values for one in found])
    np.testing.assert_array_equal(p_values, explained("slow").p_values[: len(values)])


@pytest.mark.parametrize("sensor", SENSORS)
def test_a_drift_of_hours_is_found(sensor: str) -> None:
    found = explained(sensor, "drift")

    rows = slice(FAULT, FAULT + 6 * PER_HOUR)
    rare = found.p_values[rows] < ALLOWED_A_DAY / PER_DAY

    assert np.any(rare)
    assert "drift" in {KINDS[number] for number in found.kinds[rows][rare]}


def test_a_shift_within_the_noise_of_single_values_is_found_in_minutes() -> None:
    found = explained("white", "shift")

    rows = slice(FAULT, FAULT + 5 * 60)
    rare = found.p_values[rows] < ALLOWED_A_DAY / PER_DAY

    assert "shift" in {KINDS[number] for number in found.kinds[rows][rare]}


def test_amounts_are_means_of_a_minute() -> None:
    found = explained("white", "shift")

    rows = slice(FAULT, FAULT + 2 * PER_HOUR)
    shifts = found.kinds[rows] == KINDS.index("shift")
    assert found.amounts is not None
    means = found.amounts[rows][shifts & (found.p_values[rows] < 1e-6)]

    assert np.all(np.abs(means[2:] - 1.0) < 0.6)
    assert not np.any(found.amounts[found.kinds == KINDS.index("burst")] < 1.0)


def test_a_machine_that_is_switched_twice_an_hour_is_normal_after_a_day() -> None:
    draw, n = np.random.default_rng(9), 3 * PER_DAY
    lengths = np.column_stack([draw.uniform(960, 1_500, 200), draw.uniform(420, 840, 200)])
    is_on = np.searchsorted(np.cumsum(lengths.ravel()), np.arange(n), "right") % 2 == 0
    values = np.where(is_on, 20.0, 0.4) + np.where(is_on, 1.0, 0.1) * draw.normal(size=n)
    times = MONDAY + SECOND * np.arange(n, dtype=np.int64)

    found = explain(AutoDetector(1).bank(1), values[:, None], times)

    onsets = found.onset_p_values[PER_DAY:]
    switched = np.sum(np.diff(is_on[PER_DAY:]) != 0)
    assert np.sum(onsets < ALLOWED_A_DAY / PER_DAY) <= 0.1 * switched


def test_no_level_is_judged_on_the_first_day() -> None:
    kinds = explained("slow").kinds[: PER_DAY // 2]
    rare = explained("slow").p_values[: PER_DAY // 2] < 1e-4

    assert not {KINDS[number] for number in kinds[rare]} & {"shift", "drift", "season"}


def test_a_value_that_lags_behind_the_others_follows_them() -> None:
    n, carried = 3 * PER_DAY, exp(-1 / 900)
    load = 1.5 * sqrt(1 - carried**2) * autoregressive(n, carried, seed=7)
    load += 4 * np.sin(2 * np.pi * np.arange(n) / PER_DAY)
    own = noise(n, 2, 8)
    temperature = lfilter([1 / 1_200], [1, 1 / 1_200 - 1], load) + 0.05 * own[:, 0]
    values = np.column_stack([load + 0.3 * own[:, 1], temperature, np.round(10 - load, 1)])
    times = MONDAY + SECOND * np.arange(n, dtype=np.int64)

    found = explain(AutoDetector(3).bank(1), values, times)

    related = found.kinds[PER_DAY:] == KINDS.index("correlation")
    assert not np.any(found.p_values[PER_DAY:][related] < 1e-5)

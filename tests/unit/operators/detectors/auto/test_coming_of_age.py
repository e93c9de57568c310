"""Single errors that were usual on the first day are known when the level comes to be judged."""

from __future__ import annotations

import numpy as np

from engine.domain.batch import Floats
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import MINUTE, MONDAY, autoregressive, explain

FIRST_DAY = 1_440
LENGTH, FAULT = FIRST_DAY + 600, 10
THRESHOLD = 6.9e-5
"""That of one entity with an event a minute under the default budget."""


def least_p_of_faults(values: Floats, size: float, minutes_before: int = 0) -> Floats:
    """Return the least p-values of faults of ten minutes, one in each series.

    Args:
        values: float64 [n, series].
        size: of the fault of each series; the next one has it 20 minutes later.
        minutes_before: minutes of data before Monday, a day before the first fault.
    """
    found = []
    times = MONDAY + MINUTE * (np.arange(len(values), dtype=np.int64) - minutes_before)
    for k in range(values.shape[1]):
        start = minutes_before + FIRST_DAY + 20 * k + 1
        series = values[:, k : k + 1].copy()
        series[start : start + FAULT] += size
        p = explain(AutoDetector(1).bank(1), series, times).p_values
        found.append(p[start : start + FAULT].min())
    return np.array(found)


def test_spikes_in_the_hours_after_the_first_day_are_found() -> None:
    noise = np.random.default_rng(7).normal(60, 1.5, (LENGTH, 24))

    found = least_p_of_faults(noise, size=8 * 1.5)

    assert np.count_nonzero(found < THRESHOLD) >= 23


def test_spikes_of_dependent_noise_are_found_too() -> None:
    noise = np.stack([autoregressive(LENGTH, 0.8, seed) for seed in range(24)], axis=1)

    found = least_p_of_faults(60 + noise, size=8 * float(noise.std()))

    assert np.count_nonzero(found < THRESHOLD) >= 23


def test_a_sunday_before_the_first_working_day_changes_nothing() -> None:
    sunday = 16 * 60
    noise = np.random.default_rng(7).normal(60, 1.5, (sunday + LENGTH, 24))

    found = least_p_of_faults(noise, size=8 * 1.5, minutes_before=sunday)

    assert np.count_nonzero(found < THRESHOLD) >= 23

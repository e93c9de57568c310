"""How much: the measure of the kinds for which a distance from the range says nothing."""

from __future__ import annotations

import numpy as np

from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import (
    MINUTE,
    explain,
    explained,
    minutes,
    noise,
)

FAULT = 3_000


def amounts_of(explanation: Explanation, kind: str) -> list[float]:
    """Return the amounts of the rare events of a kind from the fault on."""
    assert explanation.amounts is not None
    rare = (explanation.p_values < 1e-4) & (explanation.kinds == KINDS.index(kind))
    return [float(amount) for amount in explanation.amounts[FAULT:][rare[FAULT:]]]


def test_a_stuck_value_counts_its_equal_values() -> None:
    values = noise(FAULT + 100, 1)
    values[FAULT:] = values[FAULT]

    found = amounts_of(explained(values), "stuck")

    assert found[-1] == 100
    assert found == list(range(101 - len(found), 101))


def test_a_burst_is_at_least_so_many_times_the_usual_noise() -> None:
    values = noise(FAULT + 100, 1)
    values[FAULT:] *= 5.0

    found = amounts_of(explained(values), "burst")

    assert 2.0 < np.median(found) <= 5.0


def test_calm_is_at_most_a_part_of_the_usual_noise() -> None:
    values = noise(FAULT + 200, 1)
    values[FAULT:] /= 8.0

    found = amounts_of(explained(values), "calm")

    assert 1 / 8 < min(found) < max(found) < 0.8


def test_cadence_is_the_time_between_events_by_its_usual_one() -> None:
    values = noise(FAULT + 60, 1)
    times = minutes(len(values))
    times[FAULT:] = times[FAULT] + np.arange(60) * (3 * MINUTE)

    found = amounts_of(explain(AutoDetector(1).bank(1), values, times), "cadence")

    assert 1.5 < max(found) < 3.2


def test_a_spike_has_no_other_measure_than_its_distance() -> None:
    values = noise(FAULT + 10, 1)
    values[FAULT] += 20.0

    found = amounts_of(explained(values), "spike")

    assert np.isnan(found).all()


def test_rows_keep_their_amounts() -> None:
    explanation = explained(noise(100, 1))
    rows = np.array([70, 60])

    taken = explanation.take(rows)

    assert explanation.amounts is not None
    assert taken.amounts is not None
    np.testing.assert_array_equal(taken.amounts, explanation.amounts[rows])

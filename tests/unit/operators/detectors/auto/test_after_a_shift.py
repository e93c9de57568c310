"""A shift that has ended leaves nothing behind, and is called by one name while it lasts."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain.batch import Floats
from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import (
    DAY,
    MINUTE,
    MONDAY,
    autoregressive,
    explain,
    noise,
)

STEP = 5 * MINUTE
PER_DAY = DAY // STEP
FAULT, LENGTH = 4 * PER_DAY + 100, 150
SIZE = 10.0


def explained(values: Floats) -> Explanation:
    times = MONDAY + STEP * np.arange(len(values), dtype=np.int64)
    return explain(AutoDetector(1).bank(1), values[:, None], times)


def shifted(size: float = SIZE, seed: int = 0) -> Explanation:
    values = noise(8 * PER_DAY, 1, seed)[:, 0]
    values[FAULT : FAULT + LENGTH] += size
    return explained(values)


@pytest.mark.parametrize("seed", range(8))
def test_a_jump_that_stays_is_a_spike_or_shift_from_the_first_message_on(seed: int) -> None:
    found = shifted(size=5.0 + seed % 3, seed=seed)

    rows = slice(FAULT, FAULT + LENGTH)
    rare = found.p_values[rows] < 1e-4
    kinds = {KINDS[number] for number in found.kinds[rows][rare]}

    assert {"shift"} <= kinds <= {"spike", "shift"}


@pytest.mark.parametrize("seed", range(4))
def test_the_level_is_where_it_was(seed: int) -> None:
    found = shifted(seed=seed)

    after = found.centers[FAULT + LENGTH + 15 : FAULT + LENGTH + 50, 0]

    assert np.abs(after).max() < 1.5


def test_usual_errors_are_as_large_as_they_were() -> None:
    found = shifted()

    before = np.median(found.widths[FAULT - 100 : FAULT, 0])
    after = np.median(found.widths[FAULT + LENGTH + 50 : FAULT + LENGTH + 150, 0])

    assert after < 1.2 * before


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_rare_after_it(seed: int) -> None:
    found = shifted(seed=seed)

    assert found.p_values[FAULT + LENGTH :].min() > 1e-5


def test_a_value_that_wanders_is_forecast_from_where_it_is() -> None:
    values = autoregressive(8 * PER_DAY, 0.9)
    values[FAULT : FAULT + LENGTH] += 30.0

    found = explained(values)

    after = slice(FAULT + LENGTH + 15, FAULT + LENGTH + 60)
    assert np.abs(values[after] - found.centers[after, 0]).max() < 6.0


def test_one_outlier_of_a_regular_cycle_is_named_alike_while_it_is_remembered() -> None:
    values = 20.0 + np.arange(2_000) % 7 / 10.0
    values[1_900] = 900.0
    times = MONDAY + MINUTE * np.arange(len(values), dtype=np.int64)

    found = explain(AutoDetector(1).bank(1), values[:, None], times)

    rare = 1_900 + np.flatnonzero(found.p_values[1_900:1_930] < 1e-4)
    assert rare[0] == 1_900
    assert {KINDS[number] for number in found.kinds[rare]} == {"pattern"}

"""The range that a message shows lies around what is usual, wherever the first value was."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain import kinds
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import explain, minutes

EVENTS, SHIFTED = 4_000, 3_000
LEVEL = 60.0


@pytest.mark.parametrize("first", [-40.0, LEVEL, 75.0, 1_000.0])
def test_a_shift_shows_the_range_before_it(first: float) -> None:
    values = np.random.default_rng(3).normal(LEVEL, 1.5, (EVENTS, 1))
    values[0] = first
    values[SHIFTED : SHIFTED + 60] += 15.0

    found = explain(AutoDetector(1).bank(1), values, minutes(EVENTS))

    kind = np.array(kinds.KINDS)[found.kinds]
    shifted = np.arange(EVENTS) >= SHIFTED
    told = shifted & (found.p_values < 1e-4) & (kind == "shift")
    assert np.count_nonzero(told) > 20
    assert np.abs(found.centers[told] - LEVEL).max() < 2.0

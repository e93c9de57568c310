from __future__ import annotations

import numpy as np
import pytest

from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import MINUTE, MONDAY, explain

EVERY = 5 * MINUTE
A_DAY, AN_HOUR = 288, 12


@pytest.mark.parametrize("seed", range(4))
def test_hours_of_a_fault_are_usual_a_week_later(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = np.arange(21 * A_DAY)
    values = 10 * np.sin(2 * np.pi * at / A_DAY) + rng.normal(size=len(at))
    fault = slice(3 * A_DAY + 100, 3 * A_DAY + 100 + 2 * AN_HOUR)
    values[fault] -= 40

    p_values = explain(AutoDetector(1).bank(1), values[:, None], MONDAY + EVERY * at).p_values

    week_later = slice(fault.start + 7 * A_DAY - AN_HOUR, fault.stop + 7 * A_DAY + AN_HOUR)
    assert p_values[fault].min() < 1e-6
    assert p_values[week_later].min() > 1e-4

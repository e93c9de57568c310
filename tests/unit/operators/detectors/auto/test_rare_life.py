"""Rare outliers at a steady rate are normal life; a fault that differs from them is none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from engine.domain.batch import Floats
from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import MINUTE, MONDAY, explain, noise

EVENTS = 30_000
STEP = 2 * MINUTE
OUTLIERS, SIZE = 100, 25.0
RARE = 1e-4


@cache
def outlier_rows() -> tuple[int, ...]:
    """Return random rows of the outliers, the last well before the end."""
    rows = np.random.default_rng(1).choice(EVENTS - 4_000, OUTLIERS, replace=False) + 2_000
    return tuple(int(row) for row in np.sort(rows))


def life(seed: int = 0) -> Floats:
    values = noise(EVENTS, 1, seed)[:, 0]
    values[list(outlier_rows())] += SIZE
    return values


def explained(values: Floats) -> Explanation:
    times = MONDAY + STEP * np.arange(len(values), dtype=np.int64)
    return explain(AutoDetector(1).bank(1), values[:, None], times)


def test_most_outliers_become_normal_life_but_not_the_first_ten() -> None:
    rows = list(outlier_rows())

    rare = explained(life()).p_values[rows] < RARE

    assert rare[:10].all()
    assert rare[-40:].mean() < 0.5


@pytest.mark.parametrize("factor", [3.0, -3.0])
def test_outliers_far_larger_are_found_at_each_repeat(factor: float) -> None:
    values = life()
    rows = EVENTS - 1_500 + 140 * np.arange(10)
    values[rows] += factor * SIZE

    found = explained(values)

    assert (found.p_values[rows] < 1e-6).all()
    assert {KINDS[number] for number in found.kinds[rows]} == {"spike"}


def test_an_outlier_that_stays_is_found() -> None:
    values = life()
    values[EVENTS - 500 : EVENTS - 470] += SIZE

    found = explained(values)

    assert (found.p_values[EVENTS - 500 : EVENTS - 496] < RARE).any()


def test_a_value_that_does_not_move_is_found() -> None:
    values = life()
    values[EVENTS - 500 : EVENTS - 400] = values[EVENTS - 501]

    found = explained(values)

    rare = found.p_values[EVENTS - 500 : EVENTS - 400] < RARE
    assert rare.any()
    assert KINDS[found.kinds[EVENTS - 401]] == "stuck"

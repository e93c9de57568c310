from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from operators.detectors.auto import gauge
from operators.kernels import tail
from tests.unit.operators.detectors.auto.streams import one


def settled(logarithms: Any) -> Any:
    state = one(gauge.RECORD)
    for logarithm in logarithms:
        gauge.learn(state, float(logarithm))
    return state


def usual() -> Any:
    return settled(np.random.default_rng(0).normal(2.0, 0.5, 4_000))


def test_distance_is_one_where_the_statistic_is_usual() -> None:
    state = usual()

    distance = gauge.distance(state, float(state["center"]), 1.0)

    assert distance == pytest.approx(1.0)
    assert float(state["center"]) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_passes_the_first_level_of_a_tail_at_the_same_deviation_on_its_side(sign: float) -> None:
    state = usual()

    inside = gauge.distance(state, 2.0 + sign * 2.0 * 0.5, sign)
    outside = gauge.distance(state, 2.0 + sign * 3.1 * 0.5, sign)
    other_side = gauge.distance(state, 2.0 - sign * 3.1 * 0.5, sign)

    assert inside < tail.FIRST_LEVEL < outside
    assert other_side < 1.0


def test_says_nothing_before_ten_statistics() -> None:
    state = settled([1.0] * 9)

    before = gauge.distance(state, 5.0, 1.0)
    gauge.learn(state, 1.0)

    assert np.isnan(before)
    assert np.isfinite(gauge.distance(state, 5.0, 1.0))


def test_ignores_nan() -> None:
    state = usual()
    before = state.copy()

    gauge.learn(state, np.nan)

    assert state == before
    assert np.isnan(gauge.distance(state, np.nan, 1.0))


def test_one_outlier_hardly_moves_what_is_usual() -> None:
    state = usual()
    before = float(state["center"])

    gauge.learn(state, 1e6)

    assert float(state["center"]) == pytest.approx(before, abs=0.01)


def test_distance_stays_finite_however_far_out() -> None:
    distance = gauge.distance(usual(), 1e9, 1.0)

    assert np.isfinite(distance)

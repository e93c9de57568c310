from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from engine.domain.batch import Floats
from engine.domain.kinds import KINDS
from operators.detectors.auto import growth
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import MINUTE, MONDAY, explain, one_of

DAYS = 8


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _learn(state: Any, expected: Floats, sizes: Floats, unit: float) -> float:
    for i in range(len(expected)):
        growth.learn(state, expected[i], sizes[i], unit, i, 1)
    return float(growth.slope_of(state, len(expected), 1))


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _distance(state: Any, slope: float, start: float, end: float, floor: float) -> float:
    return float(growth.distance(state, slope, start, end, 1.0, floor))


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _reach(state: Any, slope: float, start: float, end: float, size: float) -> float:
    return float(growth.reach(state, slope, start, end, size, 1.0, 0.0))


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _factor(state: Any, slope: float, value: float) -> float:
    return float(growth.factor(state, slope, value))


def learned(share: float, constant: float, n: int = 3_000, seed: int = 1) -> tuple[Any, float]:
    """Return a record after errors of so much of the value, and the slope."""
    rng = np.random.default_rng(seed)
    expected = rng.uniform(50, 150, n)
    sizes = np.abs(rng.normal(size=n)) * (constant + share * expected)
    state = one_of(growth.FIELDS)
    return state, _learn(state, expected, sizes, float(np.mean(sizes)))


def traffic(seed: int) -> Floats:
    """Return a rate, each five minutes: by day six times that of the night, with noise of .1."""
    rng = np.random.default_rng(seed)
    turn = np.arange(DAYS * 288) / 288
    usual = 100 * np.exp(-0.9 * np.cos(2 * np.pi * turn))
    return np.asarray(usual * np.exp(0.1 * rng.normal(size=len(usual))))


def test_errors_in_proportion_to_the_value_grow_by_their_share() -> None:
    state, slope = learned(share=0.1, constant=0.0)

    factors = [_factor(state, slope, value) for value in (50.0, 100.0, 150.0)]

    assert factors == pytest.approx([0.5, 1.0, 1.5], abs=0.08)


@pytest.mark.parametrize("seed", range(5))
def test_takes_a_slope_that_chance_explains_for_none(seed: int) -> None:
    _, slope = learned(share=0.0, constant=1.0, seed=seed)

    assert slope == 0.0


def test_distance_of_noise_in_proportion_is_that_of_the_logarithms() -> None:
    state, slope = learned(share=0.1, constant=0.0)
    mean = 100.0

    up = _distance(state, slope, 100.0, 200.0, 0.0)
    down = _distance(state, slope, 100.0, 50.0, 0.0)

    assert up == pytest.approx(mean * np.log(2), rel=0.08)
    assert down == pytest.approx(-up, rel=0.08)


def test_distance_goes_on_growing_beyond_the_bounds_of_the_factor() -> None:
    state, slope = learned(share=0.1, constant=0.0)

    nothing = _distance(state, slope, 100.0, 0.0, 0.0)
    far, farther = (_distance(state, slope, 100.0, end, 0.0) for end in (4_000.0, 8_000.0))

    assert nothing < -100.0
    assert farther - far == pytest.approx(4_000.0 / growth.MOST, rel=0.01)


def test_no_error_is_smaller_than_the_floor() -> None:
    state, slope = learned(share=0.1, constant=0.0)

    assert _distance(state, slope, 60.0, 50.0, 2.0) == pytest.approx(-5.0)


@pytest.mark.parametrize("end", [0.0, 60.0, 130.0, 900.0])
def test_reach_is_the_inverse_of_distance(end: float) -> None:
    state, slope = learned(share=0.1, constant=0.0)

    size = abs(_distance(state, slope, 90.0, end, 0.0))

    assert _reach(state, slope, 90.0, end, size) == pytest.approx(abs(end - 90.0), rel=1e-6)


def p_values(values: Floats) -> Any:
    times = MONDAY + 5 * MINUTE * np.arange(len(values))
    return explain(AutoDetector(1).bank(1), values[:, None], times)


@pytest.mark.parametrize("seed", range(3))
def test_finds_a_spike_at_night_that_is_usual_by_day(seed: int) -> None:
    values = traffic(seed)
    values[night := 7 * 288 + 6] *= 3

    explanation = p_values(values)

    assert values[night] < 0.5 * values.max()
    assert explanation.p_values[night] < 2e-5
    assert KINDS[explanation.kinds[night]] in ("spike", "season")
    off = abs(values[night] - explanation.centers[night, 0])
    assert off > explanation.widths[night, 0]


@pytest.mark.parametrize("seed", range(3))
def test_finds_an_hour_without_traffic(seed: int) -> None:
    values = traffic(seed)
    outage = slice(7 * 288 + 12, 7 * 288 + 24)
    values[outage] = 0.0

    explanation = p_values(values)

    assert explanation.p_values[outage].min() < 2e-6


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_the_day_is_no_anomaly(seed: int) -> None:
    explanation = p_values(traffic(seed))

    assert np.nanmin(explanation.p_values[2 * 288 :]) > 1e-4


@pytest.mark.parametrize(("factor", "constant"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e6)])
def test_neither_the_unit_nor_a_constant_changes_what_is_found(
    factor: float, constant: float
) -> None:
    values = traffic(1)
    values[7 * 288 + 6] *= 3

    usual, other = p_values(values), p_values(factor * values + constant)

    logs = [np.log10(one.p_values[288:]) for one in (usual, other)]
    assert np.abs(logs[0] - logs[1]).max() < 0.1

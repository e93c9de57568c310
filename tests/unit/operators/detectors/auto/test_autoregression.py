from __future__ import annotations

from math import exp, sqrt
from typing import Any

import numpy as np
import pytest

from engine.domain.batch import Floats
from operators.detectors.auto import autoregression
from tests.unit.operators.detectors.auto.streams import autoregressive, forecasts, one_of

ORDER, LAGS = 8, 54


def settled(values: Floats) -> Any:
    state = one_of(autoregression.fields(ORDER))
    forecasts(state, values, 0)
    return state


def test_weights_solve_the_yule_walker_equations() -> None:
    seen = 3_000
    state = settled(autoregressive(seen, 0.7))
    # All deviations have the same weight as yet.
    assert seen < autoregression.MEMORY_EVENTS
    covariance = state["covariance"].astype(float)
    lags = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    ridge = covariance[0] * (autoregression.RIDGE + autoregression.EARLY_RIDGE / seen)

    autoregression.solve(state, seen)

    weights = np.linalg.solve(covariance[lags] + ridge * np.eye(ORDER), covariance[1:])
    np.testing.assert_allclose(state["weights"], weights, rtol=1e-4, atol=1e-5)


def regular_cycle() -> tuple[Floats, Floats, Floats]:
    noise = autoregressive(1_200, 0.0, seed=3)
    values = 15.0 * np.sin(2 * np.pi * (np.arange(1_200) / 30 + 0.25)) + noise
    moving_mean = np.cumsum(values) / np.arange(1, 1_201)
    return values, moving_mean, noise


def test_autocovariances_around_a_moving_mean_are_those_of_a_series() -> None:
    values, moving_mean, _ = regular_cycle()
    state = one_of(autoregression.fields(LAGS))

    forecasts(state, values, 0, moving_mean)

    covariance = state["covariance"].astype(float)
    lags = np.abs(np.subtract.outer(np.arange(LAGS), np.arange(LAGS)))
    assert np.linalg.eigvalsh(covariance[lags])[0] > 0.0


@pytest.mark.parametrize("height", [5.0, 40.0])
def test_foretells_a_slow_value_that_comes_back_from_far_off(height: float) -> None:
    n, carried = 86_400, exp(-1 / 600)
    day = height * np.cos(2 * np.pi * np.arange(n) / n)
    around = sqrt(1 - carried**2) * autoregressive(n, carried, seed=1)
    state = one_of(autoregression.fields(LAGS))
    values = day + around + 0.2 * autoregressive(n, 0.0, seed=2)

    expected = forecasts(state, values, 0)

    errors = np.abs(values - expected)[4_000:]
    assert errors.max() < 8 * errors.mean()


def test_foretells_a_regular_cycle_whose_mean_was_not_known() -> None:
    values, moving_mean, noise = regular_cycle()
    state = one_of(autoregression.fields(LAGS))

    expected = forecasts(state, values, 0, moving_mean)

    error = np.mean(np.abs(values - expected)[300:])
    assert error < 1.5 * np.mean(np.abs(noise))


def test_a_mean_that_jumps_leaves_the_forecast_of_a_walk_where_it_was() -> None:
    state = settled(np.cumsum(autoregressive(3_000, 0.0)))
    before = autoregression.forecast(state, 0.0)

    autoregression.move_mean(state, 5.0)

    after = autoregression.forecast(state, 5.0)
    assert after == pytest.approx(before, abs=0.1)


def test_foretells_a_series_that_carries_on() -> None:
    values = autoregressive(4_000, 0.9)
    state = settled(values[:3_000])

    expected = forecasts(state, values[3_000:], 3_000)

    unexplained = np.var(values[3_000:] - expected) / np.var(values[3_000:])

    assert unexplained < 0.3


def test_one_outlier_does_not_spoil_the_next_forecasts() -> None:
    values = autoregressive(3_020, 0.8)
    spoilt = values.copy()
    spoilt[3_000] += 1_000.0
    clean, other = settled(values[:3_000]), settled(values[:3_000])
    error = autoregression.scale(clean, 0.0)

    expected = forecasts(clean, values[3_000:], 3_000)
    after_outlier = forecasts(other, spoilt[3_000:], 3_000)

    moved = np.abs(after_outlier - expected)

    assert np.max(moved) < 1.5 * autoregression.CLIP * error
    assert moved[-1] < error


def test_a_run_of_outliers_is_a_new_regime() -> None:
    state = settled(autoregressive(3_000, 0.0))

    forecasts(state, np.full(autoregression.BELIEVED_EVENTS, 1_000.0), 3_000)

    start = int(state["place"])

    assert state["history"][start] == 1_000.0
    assert state["history"][start + 1] < 100.0


def test_restart_fills_the_history() -> None:
    state = settled(autoregressive(3_000, 0.8))

    autoregression.restart(state, 7.0)

    assert set(state["history"].tolist()) == {7.0}
    expected = autoregression.forecast(state, 0.0)
    assert expected == pytest.approx(7.0 * float(state["weights"].sum()), rel=1e-4)


def test_foretells_the_mean_before_the_first_solution() -> None:
    state = one_of(autoregression.fields(ORDER))

    expected = autoregression.forecast(state, 3.0)

    assert expected == 3.0


def test_error_is_at_least_a_part_of_the_step() -> None:
    state = settled(np.zeros(500))

    scale = autoregression.scale(state, 2.0)

    assert scale == pytest.approx(0.6)

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.detectors.auto import correlation
from tests.unit.operators.detectors.auto.streams import one_of

EVENTS = 1_024


def correlated(n: int, d: int, part: float, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1))
    own = rng.normal(size=(n, d))
    z: Floats = np.clip(part**0.5 * common + (1 - part) ** 0.5 * own, -4.0, 4.0)
    return z


def feed(state: Any, z: Floats, seen: int) -> tuple[Floats, Floats]:
    largest, squares = np.empty(len(z)), np.zeros(z.shape[1])
    for i in range(len(z)):
        largest[i] = correlation.residuals(state, z[i], len(z[i]), seen + i, squares)
        correlation.learn(state, z[i], seen + i, squares)
    return largest, squares


def full(rows: Any) -> Floats:
    """Return a symmetric matrix of 3 values by its rows up to the diagonal."""
    matrix = np.zeros((3, 3))
    matrix[np.tril_indices(3)] = rows
    return matrix + np.tril(matrix, -1).T


def test_the_covariance_is_that_of_the_deviations() -> None:
    state = one_of(correlation.fields(3))
    z = correlated(EVENTS, 3, 0.8)

    feed(state, z, 0)

    found = full(state["covariance"])
    np.testing.assert_allclose(found, z.T @ z / EVENTS, rtol=1e-3, atol=1e-3)


def test_inverse_is_that_of_the_covariance() -> None:
    state = one_of(correlation.fields(3))

    feed(state, correlated(EVENTS, 3, 0.8), 0)

    ridge = correlation.RIDGE + correlation.EARLY_RIDGE / EVENTS
    inverse = np.linalg.inv(full(state["covariance"]) + ridge * np.eye(3))
    np.testing.assert_allclose(full(state["inverse"]), inverse, rtol=1e-3, atol=1e-4)


def test_a_lost_correlation_raises_the_largest_residual() -> None:
    state = one_of(correlation.fields(3))
    usual, _ = feed(state, correlated(EVENTS, 3, 0.95), 0)
    lost = correlated(40, 3, 0.95, seed=1)
    lost[:, 2] = correlated(40, 1, 0.95, seed=2)[:, 0]

    largest, squares = feed(state, lost, EVENTS)

    assert largest[-1] > np.nanmax(usual[300:])
    assert np.argmax(squares) == 2


def test_usual_residuals_are_about_one() -> None:
    state = one_of(correlation.fields(3))

    feed(state, correlated(EVENTS, 3, 0.8), 0)
    largest, _ = feed(state, correlated(EVENTS, 3, 0.8, seed=1), EVENTS)

    assert 0.7 < np.mean(largest) < 2.5


def test_says_nothing_until_the_first_inverse() -> None:
    state = one_of(correlation.fields(3))

    largest, _ = feed(state, correlated(correlation.FIRST_SOLVED + 1, 3, 0.8), 0)

    assert np.isnan(largest[:-1]).all()
    assert np.isfinite(largest[-1])


def test_one_event_counts_as_at_most_so_many_deviations() -> None:
    state = one_of(correlation.fields(3))
    _, before = feed(state, correlated(EVENTS, 3, 0.95), 0)

    largest, _ = feed(state, np.array([[4.0, -4.0, 4.0]]), EVENTS)

    bound = before.max() + correlation.CLIP**2 / correlation.RECENT_EVENTS

    assert largest[0] <= bound


def test_keeps_no_covariance_of_very_many_values() -> None:
    d = correlation.MOST_VALUES + 1
    state = one_of(correlation.fields(d))

    largest, _ = feed(state, correlated(correlation.FIRST_SOLVED + 2, d, 0.8), 0)

    assert np.isnan(largest).all()
    assert state["covariance"].shape == (1,)

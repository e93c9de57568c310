from __future__ import annotations

import numpy as np
import pytest

from engine.domain.batch import Floats
from operators.detectors.auto import turns
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import of, records


def dependence(values: Floats) -> Floats:
    return np.array([turns.dependence(state) for state in records(values)])


def test_the_share_is_that_of_the_definition() -> None:
    values = of("AR(1)", 900)
    share = np.zeros(len(values))
    for i in range(2, values.shape[1]):
        goes_on = (values[:, i] - values[:, i - 1]) * (values[:, i - 1] - values[:, i - 2]) > 0
        share += max(1 / (i - 1), 1 / 500) * (goes_on - share)
    np.testing.assert_allclose(records(values)["unturned"] / 65_535, share, atol=2e-3)


@pytest.mark.parametrize("kind", ["Gaussian", "t3", "Pareto", "seasonal", "Poisson counts"])
@pytest.mark.parametrize("n", [60, 300, 2_000])
def test_independent_values_turn_as_often_as_they_should(kind: str, n: int) -> None:
    assert np.mean(dependence(of(kind, n))) < 0.02


@pytest.mark.parametrize("n", [300, 2_000])
def test_dependent_ones_turn_more_seldom(n: int) -> None:
    walks = np.cumsum(np.random.default_rng(1).normal(size=(40, n)), axis=1)
    assert np.median(dependence(walks)) == pytest.approx(1 / 6, abs=0.06)
    # Of three neighbours the corners (Kendall and Stuart): 1/2 + asin((1 - 0.8) / 2) / pi turn.
    expected = 2 / 3 - (0.5 + np.arcsin(0.1) / np.pi)
    assert np.median(dependence(of("AR(1)", n))) == pytest.approx(expected, abs=0.06)
    ramp = np.arange(n, dtype=float)[None, :]
    assert dependence(ramp)[0] > 0.6


@pytest.mark.parametrize("n", [1, 2, 3, 1_000])
def test_a_constant_and_one_never_seen_depend_on_nothing(n: int) -> None:
    assert dependence(np.full((1, n), 5.0))[0] == 0
    assert turns.dependence(AutoDetector(1).bank(1).records[0]) == 0

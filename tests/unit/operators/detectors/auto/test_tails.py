from __future__ import annotations

from math import asinh

import numpy as np
import pytest

from bench.calibration import KINDS
from engine.domain.batch import Floats
from operators.detectors.auto import tails
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import of, records

LIGHT = ("Gaussian", "AR(1)", "seasonal", "random walk increments", "Poisson counts")


def heaviness(kind: str, n: int) -> Floats:
    return np.array([tails.heaviness(state) for state in records(of(kind, n, 60))])


def sides(kind: str, n: int) -> Floats:
    return np.array([tails.sides(state) for state in records(of(kind, n, 60))])


@pytest.mark.parametrize("kind", ["t3", "Pareto"])
def test_heavy_tails_are_told_from_their_bulk(kind: str) -> None:
    found = heaviness(kind, 300)
    assert np.median(found) > 0.07
    for light in LIGHT:
        assert np.mean(found > np.quantile(heaviness(light, 300), 0.95)) > 0.8


@pytest.mark.parametrize("kind", LIGHT)
def test_light_ones_have_next_to_none(kind: str) -> None:
    assert np.mean(heaviness(kind, 300)) < 0.015


def test_the_shares_are_those_of_the_standardised_values() -> None:
    """Against the values themselves, standardised by what is known of them at the end."""
    values = KINDS["t3"](np.random.default_rng(5), 4_000)
    state = records(values[None, :])[0]
    z = (values - values.mean()) / values.std()
    places = np.round(4 * np.array([asinh(each) for each in z]))
    assert tails.heaviness(state) == pytest.approx(np.mean(np.abs(places) <= 2) - 0.5, abs=0.03)
    low, high = np.sum(places <= -5), np.sum(places >= 5)
    assert tails.sides(state) == pytest.approx(1 + 2 * min(low, high) / (low + high), abs=0.15)


@pytest.mark.parametrize("n", [300, 6_000])
def test_tails_are_counted(n: int) -> None:
    assert np.median(sides("Pareto", n)) < 1.15
    for kind in ("Gaussian", "t3"):
        assert np.median(sides(kind, n)) > 1.7
    assert 1.5 < np.median(sides("Poisson counts", 6_000)) < 1.9


@pytest.mark.parametrize("n", [0, 1, 300])
def test_what_is_never_out_has_two(n: int) -> None:
    state = records(np.full((1, n), 5.0))[0] if n else AutoDetector(1).bank(1).records[0]
    assert tails.sides(state) == 2.0
    assert 0.0 <= tails.heaviness(state) <= 0.5

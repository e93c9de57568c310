from __future__ import annotations

import numpy as np
import pytest

from bench.calibration import KINDS
from engine.domain.batch import Floats
from operators.detectors.auto import bulk
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import records

D = 3


def of(kind: str, n: int) -> Floats:
    """Streams of forty entities: float64 [40, n, D]."""

    def column(seed: int, j: int) -> Floats:
        draw = np.random.default_rng([seed, j])
        return draw.exponential(size=n) if kind == "exponential" else KINDS[kind](draw, n)

    return np.stack([np.stack([column(seed, j) for j in range(D)], axis=1) for seed in range(40)])


def heaviness(kind: str, n: int) -> Floats:
    return np.array([bulk.heaviness(state, D) for state in records(of(kind, n))])


def test_the_shares_are_those_of_the_standardised_values() -> None:
    values = of("exponential", 3_000)[:4]
    for state, own in zip(records(values), values, strict=True):
        z = (own - own.mean(0)) / own.std(0)
        assert state["near"] == pytest.approx(np.mean(np.abs(z) <= 0.67), abs=0.05)
        assert state["above"] == pytest.approx(np.mean(z > 1.38), abs=0.02)
        assert state["below"] < 1e-3


@pytest.mark.parametrize("n", [200, 2_000])
def test_heavy_tails_are_told_from_the_bulk(n: int) -> None:
    for heavy in ("t3", "Pareto"):
        assert np.median(heaviness(heavy, n)) > 0.9
    for light in ("Gaussian", "AR(1)", "Poisson counts"):
        assert np.mean(heaviness(light, n)) < 0.35
    assert np.median(heaviness("exponential", n)) > 2 * np.mean(heaviness("Gaussian", n))


def test_gaps_say_nothing_and_a_constant_is_bounded() -> None:
    values = of("t3", 600)[:1]
    holes = np.repeat(values, 2, axis=1)
    holes[:, 1::2] = np.nan
    for name in ("near", "above", "below"):
        assert records(holes)[name] == pytest.approx(records(values)[name], abs=0.02)
    for n in (1, 2, 300):
        (state,) = records(np.full((1, n, D), 5.0))
        assert 0 <= bulk.heaviness(state, D) <= 1


@pytest.mark.parametrize("kind", ["Gaussian", "t3", "Pareto"])
@pytest.mark.parametrize("n", [60, 300, 3_000])
def test_what_is_added_grows_with_the_score_and_less_than_it(kind: str, n: int) -> None:
    for state in records(of(kind, n)[:4]):
        left = [x - bulk.excess(state, x, D) for x in np.arange(0.0, 30.0, 0.25)]
        assert (np.diff(left) > 0).all()
        assert bulk.excess(state, bulk.FROM, D) == 0
    early, late = (
        np.median([bulk.excess(state, 6.0, D) for state in records(of("t3", when))])
        for when in (300, 6_000)
    )
    assert late < early < 0.4 * (6.0 - bulk.FROM)


def test_what_is_told_is_the_score_without_it() -> None:
    values = of("t3", 300)[0]
    slots, learn, times = np.zeros(300, np.int32), np.ones(300, bool), np.arange(300) * 10**9
    heavy, whole = AutoDetector(D).bank(1), AutoDetector(D).bank(1)
    scores, powers = whole.score_and_tell(slots, values, learn, times)
    light = AutoDetector(D).bank(1)
    for i in range(300):
        state = heavy.records[0].copy()
        heavy.score(slots[:1], values[i : i + 1], learn[:1])
        if i < 50:
            assert np.isnan(powers[i])
            continue
        # Of a record that knows of no tails the same score is as rare as what is left of it.
        light.records[0] = state
        for name in ("near", "above", "below"):
            light.records[0][name] = 0.5 if name == "near" else 0.085
        own, plain = light.score_and_tell(slots[:1], values[i : i + 1], ~learn[:1], times[:1])
        assert own[0] == scores[i]
        assert powers[i] <= plain[0]
        assert (powers[i] < plain[0]) == (bulk.excess(state, scores[i], D) > 0)

from __future__ import annotations

import numpy as np
import pytest

from bench.calibration import KINDS, measure
from engine.domain.batch import Floats
from operators.detectors.auto import tails
from operators.detectors.auto.detector import AutoDetector

LIGHT = ("Gaussian", "AR(1)", "seasonal", "random walk increments", "Poisson counts")


def excesses(values: Floats, score: float = 6.0) -> Floats:
    """What heavy tails add to a score, after streams float64 [entities, n]."""
    entities, n = values.shape
    bank = AutoDetector(1).bank(entities)
    slots = np.tile(np.arange(entities, dtype=np.int32), n)
    column = np.ascontiguousarray(values.T).reshape(-1, 1)
    bank.score(slots, column, np.ones(len(slots), bool))
    return np.array([tails.excess(state, score) for state in bank.records])


def after(kind: str, n: int, score: float = 6.0) -> Floats:
    draws = [np.random.default_rng(seed) for seed in range(60)]
    return excesses(np.stack([KINDS[kind](draw, n) for draw in draws]), score)


@pytest.mark.parametrize("kind", ["t3", "Pareto"])
def test_heavy_tails_are_told_from_their_bulk(kind: str) -> None:
    found = after(kind, 300)
    assert np.median(found) > 0.3
    for light in LIGHT:
        assert np.mean(found > np.quantile(after(light, 300), 0.95)) > 0.8


@pytest.mark.parametrize("kind", LIGHT)
def test_others_add_next_to_nothing(kind: str) -> None:
    assert np.mean(after(kind, 300)) < 0.05


def test_it_is_bounded_and_fades() -> None:
    constant = excesses(np.full((1, 300), 5.0))[0]
    assert constant == pytest.approx(tails.PER_SHARE * tails.HEAVIEST)
    assert np.median(after("t3", 6_000)) < 0.1


def test_the_farthest_scores_stay_stretched_and_in_order() -> None:
    assert np.median(after("Pareto", 6_000, 14.0)) > 1.0
    scores = np.arange(0.0, 40.0, 0.5)
    for kind in ("constant", "Pareto"):
        values = (
            np.full(300, 5.0) if kind == "constant" else KINDS[kind](np.random.default_rng(1), 300)
        )
        told = [score - excesses(values[None, :], score)[0] for score in scores]
        assert (np.diff(told) > 0.1).all()


def test_what_is_told_is_the_score_without_it() -> None:
    values = np.random.default_rng(3).standard_t(3, (400, 1))
    slots, learn = np.zeros(400, np.int32), np.ones(400, bool)
    times = np.arange(400) * 10**9
    bank, whole = AutoDetector(1).bank(1), AutoDetector(1).bank(1)
    scores, told = whole.score_and_tell(slots, values, learn, times)
    for i in range(400):
        before = bank.records[0].copy()
        score = bank.score_at(slots[:1], values[i : i + 1], learn[:1], times[i : i + 1])[0]
        if i < 50:
            assert np.isnan(score)
            assert np.isnan(told[i])
        else:
            assert score == scores[i]
            assert told[i] == pytest.approx(
                max(score - tails.excess(before, score), 0.0), abs=1e-12
            )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_budget_holds_in_the_first_hour(kind: str) -> None:
    """1,000 entities, an event every ten seconds, 8 alerts a day: 287 are promised."""
    hour = measure(kind, seeds=1_000, days=0.05, budget=8)[0]
    assert hour.span == "first hour"
    assert hour.ratio == pytest.approx(1, abs=0.2)

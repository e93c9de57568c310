from __future__ import annotations

import numpy as np
import pytest

from bench.calibration import KINDS, measure
from bench.other_kinds import OTHERS
from engine.domain.batch import Floats
from operators.detectors.auto import curve, single, still, tails, told, turns
from operators.detectors.auto.detector import AutoDetector
from operators.kernels.record_bank import Records
from tests.unit.operators.detectors.auto.streams import records

KNOWN = ("Gaussian", "t3", "Pareto", "AR(1)", "Poisson counts", "constant", "ramp")


def values_of(kind: str, seed: int, n: int) -> Floats:
    if kind == "constant":
        return np.full(n, 5.0)
    if kind == "ramp":
        return np.arange(n, dtype=float)
    return KINDS[kind](np.random.default_rng(seed), n)


def after(kind: str, n: int, entities: int = 40) -> Records:
    return records(np.stack([values_of(kind, seed, n) for seed in range(entities)]))


def powers(kind: str, n: int, score: float) -> Floats:
    return np.array([told.power_of(state, score, single.NOISE) for state in after(kind, n)])


def by_hand(state: np.void, score: float) -> float:
    """What the module says in its docstrings, step by step."""
    sides = tails.sides(state)
    heavy = tails.heaviness(state) * (sides - 1)
    added = 4 * heavy * min(250 / (state["counted"] + 1), 1)
    added += heavy * max(score - 4.5, 0)
    added += 1.25 * (tails.heaviness(state) - heavy) * max(score - 10, 0)
    added += min(1.8 * turns.dependence(state), 0.5) * np.clip(score - 6, 0, 3)
    left = max(score - added, 0)
    age = state["seen"] * (1 + 0.65 * (2 / sides - 1))
    ties = still.ties(state)
    older = age * (1 + min(22 * ties, 4))
    return float(max(curve.power_of(left, x, single.NOISE) for x in (age, older)))


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("n", [60, 400, 3_000])
def test_it_is_what_it_says(kind: str, n: int) -> None:
    for state in after(kind, n, 4):
        for score in (0.0, 2.0, 5.0, 6.5, 9.0, 15.0):
            power = told.power_of(state, score, single.NOISE)
            assert power == pytest.approx(by_hand(state, score), rel=1e-6)


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("n", [60, 400, 3_000])
def test_more_is_rarer_whatever_the_kind(kind: str, n: int) -> None:
    for state in after(kind, n, 4):
        found = [told.power_of(state, x, single.NOISE) for x in np.arange(3.0, 40.0, 0.25)]
        assert (np.diff(found) > 0).all()


def test_each_kind_is_told_as_it_is() -> None:
    """A great score is rarer in Gaussian noise than where tails are heavy or values dependent."""
    for n in (300, 1_000):
        usual = np.median(powers("Gaussian", n, 8.0))
        assert np.median(powers("t3", n, 8.0)) < usual - 0.2
        assert np.median(powers("AR(1)", n, 8.0)) < usual - 0.1
    # Where it is a record for others, it is beyond what counts reach.
    assert np.median(powers("Poisson counts", 600, 5.5)) > np.median(powers("Gaussian", 600, 5.5))
    assert np.median(powers("Pareto", 1_000, 6.0)) > np.median(powers("Gaussian", 1_000, 6.0))


def test_the_bank_tells_it_by_the_state_before_the_event() -> None:
    values = np.random.default_rng(3).standard_t(3, (400, 1))
    slots, learn = np.zeros(400, np.int32), np.ones(400, bool)
    times = np.arange(400) * 10**9
    bank, whole = AutoDetector(1).bank(1), AutoDetector(1).bank(1)
    scores, found = whole.score_and_tell(slots, values, learn, times)
    for i in range(400):
        before = bank.records[0].copy()
        score = bank.score_at(slots[:1], values[i : i + 1], learn[:1], times[i : i + 1])[0]
        if i < 50:
            assert np.isnan(score)
            assert np.isnan(found[i])
        else:
            assert score == scores[i]
            assert found[i] == pytest.approx(by_hand(before, score), rel=1e-6)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_budget_holds_in_the_first_hour(kind: str) -> None:
    """1,000 entities, an event every ten seconds, 8 alerts a day: 287 are promised."""
    hour = measure(kind, seeds=1_000, days=0.05, budget=8)[0]
    assert hour.span == "first hour"
    assert hour.ratio == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_small_budget_holds_on_the_first_day(kind: str) -> None:
    """150 entities, an event every ten seconds, 2 alerts a day: 298 are promised."""
    day = measure(kind, seeds=150, days=1, budget=2, first=2_000)[1]
    assert day.span == "first day"
    assert day.ratio == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_the_budget_holds_on_kinds_that_no_curve_is_measured_on(kind: str) -> None:
    """60 entities, an event every ten seconds, 8 alerts a day: 477 are promised."""
    day = measure(kind, seeds=60, days=1, budget=8, first=4_000)[1]
    assert day.ratio == pytest.approx(1, abs=0.25)

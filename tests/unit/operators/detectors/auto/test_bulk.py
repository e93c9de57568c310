from __future__ import annotations

import numpy as np
import pytest

from bench.calibration import KINDS, measure
from bench.other_kinds import OTHERS
from engine.domain.batch import Floats
from operators.detectors.auto import bulk, joint
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import records

D = 3


def of(kind: str, n: int, d: int = D) -> Floats:
    """Streams of forty entities: float64 [40, n, d]."""
    draws = [np.random.default_rng([seed, j]) for seed in range(40) for j in range(d)]
    columns = np.stack([(KINDS | OTHERS)[kind](draw, n) for draw in draws])
    streams: Floats = columns.reshape(40, d, n).transpose(0, 2, 1)
    return streams


def alike(n: int, d: int) -> Floats:
    """Values that have nine tenths of their variance in common: float64 [40, n, d]."""
    values = of("Gaussian", n, d + 1) - 20.0
    together: Floats = np.sqrt(0.9) * values[..., :1] + np.sqrt(0.1) * values[..., 1:]
    return together


def stretches(values: Floats) -> Floats:
    return np.array([bulk.stretch(state) for state in records(values)])


def heaviness(kind: str, n: int) -> Floats:
    return np.array([bulk.heaviness(state) for state in records(of(kind, n))])


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
    # An event is as large as what is known of it.
    two = of("Gaussian", 600, 2)[:1]
    and_a_gap = np.concatenate([two, np.full((1, 600, 1), np.nan)], axis=2)
    for name in ("calmer", "wilder"):
        assert records(and_a_gap)[name] == pytest.approx(records(two)[name], abs=1e-3)
    for n in (1, 2, 300):
        (state,) = records(np.full((1, n, D), 5.0))
        assert 0 <= bulk.heaviness(state) <= 1


def test_events_are_counted_as_a_whole() -> None:
    values = alike(3_000, D)[:4]
    for state, own in zip(records(values), values, strict=True):
        size = np.sqrt(np.mean(((own - own.mean(0)) / own.std(0)) ** 2, axis=1))
        assert state["calmer"] == pytest.approx(np.mean(size <= 0.67) - bulk.CALM, abs=0.05)
        assert state["wilder"] == pytest.approx(np.mean(size > 1.38) - bulk.STIRRED, abs=0.03)
    # What three normal values do is the usual: the shares are those of a chi-squared law.
    of_three = records(of("Gaussian", 4_000))
    assert np.mean(of_three["calmer"]) == pytest.approx(0.0, abs=0.01)
    assert np.mean(of_three["wilder"]) == pytest.approx(0.0, abs=0.01)


def test_who_is_known_by_nothing_is_stretched_by_nothing() -> None:
    (state,) = AutoDetector(D).bank(1).records
    assert bulk.stretch(state) == 0.0


@pytest.mark.parametrize("n", [200, 2_000])
def test_the_stretch_is_that_of_the_kind(n: int) -> None:
    usual = np.mean(stretches(of("Gaussian", n)))
    assert abs(usual) < 0.06
    for heavy in ("t3", "Pareto"):
        assert np.median(stretches(of(heavy, n))) > usual + 0.15
    many = np.mean(stretches(of("Gaussian", n, 10)))
    assert many < usual - 0.15
    # Ten that go together are as one.
    assert np.mean(stretches(alike(n, 10))) > many + 0.2
    early, late = (np.median(stretches(of("t3", when))) for when in (200, 4_000))
    assert late < early


def test_what_moves_is_stretched() -> None:
    still = of("Gaussian", 300)
    moving = still + np.linspace(0.0, 12.0, 300)[:, None]
    assert np.mean(stretches(moving)) > np.mean(stretches(still)) + 0.05
    (state,) = records(still[:1])
    for wilder in (bulk.MOST_MOVED, 0.8):
        state["wilder"] = wilder
        assert bulk.stretch(state) < 0.25


@pytest.mark.parametrize("kind", ["Gaussian", "t3", "Pareto", "AR(1)"])
@pytest.mark.parametrize("n", [60, 300, 3_000])
def test_more_is_rarer_whatever_the_kind(kind: str, n: int) -> None:
    for state in records(of(kind, n)[:4]):
        found = [joint.power_of(state, x) for x in np.arange(0.5, 30.0, 0.25)]
        assert (np.diff(found) > 0).all()


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
        # Of a record that knows of no kind the same score is as rare as what is left of it.
        light.records[0] = state
        for name in ("near", "above", "below", "calmer", "wilder"):
            light.records[0][name] = {"near": 0.5, "above": 0.085, "below": 0.085}.get(name, 0.0)
        own, plain = light.score_and_tell(slots[:1], values[i : i + 1], ~learn[:1], times[:1])
        assert own[0] == scores[i]
        stretch = bulk.stretch(state) * (scores[i] > joint.FROM)
        assert np.sign(plain[0] - powers[i]) == np.sign(stretch)


@pytest.mark.parametrize("d", [2, 3, 10])
@pytest.mark.parametrize("kind", ["Gaussian", "t3", "Pareto", "AR(1)", "Poisson counts"])
def test_the_budget_holds_whatever_the_number_of_values(kind: str, d: int) -> None:
    """60 entities, an event every ten seconds, 8 alerts a day: 477 are promised."""
    hour, day = measure(kind, seeds=60, days=1, budget=8, d=d, first=6_000)[:2]
    assert day.ratio == pytest.approx(1, abs=0.35)
    # 17 are promised: what says that it is not 1 is beyond chance.
    assert hour.low <= 2.0
    assert hour.high >= 0.5

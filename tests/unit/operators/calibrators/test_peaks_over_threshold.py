from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genpareto

from engine.domain.batch import Floats
from engine.domain.errors import SnapshotError
from engine.domain.pipeline import Calibration
from operators.calibrators.peaks_over_threshold import MIN_P_VALUE, PeaksOverThreshold, fit_tail

RNG = np.random.default_rng


def one(resolution: float = 1e-3, **calibration: float | bool) -> PeaksOverThreshold:
    return PeaksOverThreshold(1, Calibration(**calibration), resolution)  # type: ignore[arg-type]


def feed(bank: PeaksOverThreshold, scores: Floats | list[float], learn: bool = True) -> Floats:
    """The p-values of scores that all belong to slot 0."""
    n = len(scores)
    return bank.p_values(np.zeros(n, np.int32), np.asarray(scores, float), np.full(n, learn))


def ask(bank: PeaksOverThreshold, score: float) -> float:
    return float(feed(bank, [score], learn=False)[0])


def normal(seed: int, n: int = 1_000, level: float = 0.0) -> Floats:
    return np.abs(RNG(seed).normal(size=n)) + level


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        # least and most of the realised rate, as a multiple of 1e-2, 1e-3, 1e-4
        ("normal", [(0.7, 1.1), (0.2, 0.7), (0.0, 0.5)]),
        ("exponential", [(0.7, 1.1), (0.4, 1.1), (0.1, 1.3)]),
        ("student t3", [(0.7, 1.2), (1.2, 2.4), (2.5, 8.5)]),
    ],
)
def test_p_values_of_stationary_scores_are_calibrated(
    name: str, factors: list[tuple[float, float]]
) -> None:
    rng, n, entities = RNG(7), 400_000, 40
    draws = {
        "normal": np.abs(rng.normal(size=n)),
        "exponential": rng.exponential(size=n),
        "student t3": np.abs(rng.standard_t(3, size=n)),
    }[name]
    slots = (np.arange(n) % entities).astype(np.int32)
    bank = PeaksOverThreshold(entities, Calibration(), 1e-3)
    p_values = bank.p_values(slots, draws, np.ones(n, bool))[100 * entities :]

    assert not np.isnan(p_values).any()
    for level, (least, most) in zip((1e-2, 1e-3, 1e-4), factors, strict=True):
        assert least <= (p_values <= level).mean() / level <= most, level
    assert (p_values <= 0.5).mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("shape", [0.05, 0.2, 0.4])
def test_tail_fit_matches_scipy(shape: float) -> None:
    excesses = genpareto.rvs(shape, scale=3.0, size=5_000, random_state=5)
    theirs, _, scale = genpareto.fit(excesses, floc=0)
    ours = fit_tail(excesses)

    assert ours[0] == pytest.approx(theirs, abs=0.04)
    assert ours[1] == pytest.approx(scale, rel=0.05)


def test_tail_fit_of_few_peaks_errs_no_more_than_maximum_likelihood() -> None:
    """Root of the mean squared error of the logarithm of the 1e-3 quantile, 64 peaks each."""
    rng, errors = RNG(11), []
    true = np.log(genpareto.ppf(1 - 1e-3, 0.1, scale=1.0))
    for _ in range(60):
        excesses = genpareto.rvs(0.1, size=64, random_state=rng)
        theirs, _, scale = genpareto.fit(excesses, floc=0)
        shape, own_scale = fit_tail(excesses)
        errors.append(
            [
                np.log(genpareto.ppf(1 - 1e-3, shape, scale=own_scale)) - true,
                np.log(genpareto.ppf(1 - 1e-3, theirs, scale=scale)) - true,
            ]
        )
    ours, maximum_likelihood = np.sqrt(np.mean(np.square(errors), axis=0))

    assert ours < maximum_likelihood


@pytest.mark.parametrize("excesses", [[2.0], [2.0, 2.0], [1e-30] * 20, [3.0] * 64, [1.0, 1e30]])
def test_tail_fit_of_degenerate_peaks_is_finite(excesses: list[float]) -> None:
    shape, scale = fit_tail(np.array(excesses))

    assert 1 / 64 <= shape < 1
    assert scale > 0
    assert scale / (1 - shape) == pytest.approx(np.mean(excesses)), "it has their mean"


def test_bounded_tail_is_not_inferred_from_few_peaks() -> None:
    bank = one()
    feed(bank, RNG(3).random(2_000))

    assert 1e-9 < ask(bank, 1.05) < 1e-2
    assert ask(bank, 3.0) < 1e-12


def test_resolves_p_values_of_one_in_a_million() -> None:
    bank = one()
    feed(bank, normal(1, 5_000))
    asked = [ask(bank, sigmas) for sigmas in (2.0, 4.0, 6.0, 8.0, 12.0)]

    assert 0.02 < asked[0] < 0.09
    assert 1e-5 < asked[1] < 2e-3
    assert asked[2] < 1e-4
    assert asked[4] < 1e-6
    assert asked == sorted(asked, reverse=True)


def test_warm_up_takes_a_hundred_scores() -> None:
    p_values = feed(one(), normal(2, 300))

    assert np.isnan(p_values[:100]).all()
    assert not np.isnan(p_values[100:]).any()
    short = feed(one(window=32), normal(2, 100))
    assert np.flatnonzero(~np.isnan(short))[0] == 32


def test_nan_gives_nan_and_is_not_learned() -> None:
    scores = normal(3, 600)
    with_gaps = np.insert(scores, np.arange(0, 600, 7), np.nan)
    p_values = feed(one(), with_gaps)
    gaps = np.isnan(with_gaps)

    assert np.isnan(p_values[gaps]).all()
    np.testing.assert_array_equal(p_values[~gaps], feed(one(), scores))


def test_score_without_learning_leaves_state_unchanged() -> None:
    scores = normal(4, 600)
    bank, other = one(), one()
    feed(bank, scores[:400])
    feed(other, scores[:400])
    feed(bank, normal(5, 300, level=9), learn=False)
    np.testing.assert_array_equal(feed(bank, scores[400:]), feed(other, scores[400:]))


@pytest.mark.parametrize("level", [0.0, 0.1, 0.3, 0.7, 1e9 / 3])
def test_constant_series_is_normal_and_only_a_huge_change_is_critical(level: float) -> None:
    """0.1 and 0.3 round to either side in float32."""
    bank = one(resolution=0.5)

    assert (feed(bank, np.full(1_000, level))[100:] > 0.9).all()
    if level < 1:
        assert ask(bank, level + 0.01) > 1e-3, "a fiftieth of what means anything"
        assert ask(bank, level + 0.5) > 1e-4
    assert ask(bank, level * 1.001 + 50) < 1e-9


def test_ignores_spread_below_the_resolution() -> None:
    bank, fine = one(resolution=0.5), one(resolution=1e-9)
    for calibrator in (bank, fine):
        feed(calibrator, normal(20, 1_000) * 1e-6)

    assert ask(bank, 0.5) > 1e-3
    assert ask(bank, 50.0) < 1e-9
    assert ask(fine, 0.5) < 1e-9


@pytest.mark.parametrize("learn", [False, True])
def test_anomalies_are_not_learned_unless_asked(learn: bool) -> None:
    bank = one(learn_anomalies=learn)
    feed(bank, normal(6, 2_000))
    before = ask(bank, 20.0)
    feed(bank, normal(7, 150, level=19.0))

    assert before < 1e-6
    assert (ask(bank, 20.0) > 1e-2) if learn else (ask(bank, 20.0) == before)


def test_long_run_of_anomalies_becomes_normal() -> None:
    bank = one(relearn_after=50)
    feed(bank, normal(8, 2_000))
    shifted = feed(bank, normal(9, 600, level=20.0))

    assert (shifted[:50] < 1e-4).all(), "a shift is an anomaly at first"
    assert (shifted[400:] > 1e-4).all()
    assert (shifted[400:] > 1e-1).mean() > 0.8


def test_learns_after_exactly_relearn_after_anomalies() -> None:
    bank = one(relearn_after=50)
    feed(bank, normal(8, 2_000))
    feed(bank, [40.0] * 50)

    assert bank.records["seen"] == [2_000]
    feed(bank, [40.0])
    assert bank.records["seen"] == [2_001]


def test_normal_score_ends_a_run_of_anomalies() -> None:
    bank = one(relearn_after=50)
    feed(bank, normal(10, 2_000))
    before = ask(bank, 30.0)
    for _ in range(10):
        feed(bank, [30.0] * 50)
        feed(bank, [0.5])

    assert ask(bank, 30.0) == pytest.approx(before, rel=0.5)


@pytest.mark.parametrize(("to", "least"), [(5.0, 0.5e-2), (0.2, 0.1e-2)])
def test_follows_drift(to: float, least: float) -> None:
    """While the scores shrink the kept peaks are old and large: answers err to caution."""
    scores = normal(11, 8_000) * np.linspace(1, to, 8_000)
    p_values = feed(one(), scores)[1_000:]

    assert least < (p_values <= 1e-2).mean() < 2e-2
    assert (p_values <= 1e-4).mean() < 5e-4
    assert (p_values <= 0.1).mean() == pytest.approx(0.1, abs=0.02)


def test_follows_falling_scores_within_a_window() -> None:
    bank = one()
    feed(bank, normal(12, 2_000, level=10))
    fallen = feed(bank, normal(13, 1_000))

    assert (fallen[:5] > 0.9).all()
    assert (fallen[400:] <= 0.05).mean() == pytest.approx(0.05, abs=0.03)


def test_only_recent_scores_count() -> None:
    """Different pasts, the same last scores: the same answers below the threshold."""
    same = normal(14, 1_536)
    first, second = one(), one()
    feed(first, np.r_[normal(15, 512), same])
    feed(second, np.r_[normal(16, 512) * 0.9, same])

    for score in (0.1, 0.7, 1.5):
        assert ask(first, score) == ask(second, score)


@pytest.mark.parametrize("score", [1e308, np.inf, -1e308, -np.inf])
def test_extreme_scores_give_valid_p_values(score: float) -> None:
    bank = one()
    feed(bank, normal(17, 500))

    assert MIN_P_VALUE <= ask(bank, score) <= 1
    feed(bank, [score] * 500)
    p_values = feed(bank, normal(18, 2_000))
    assert ((p_values >= MIN_P_VALUE) & (p_values <= 1)).all()


scores_of = st.lists(
    st.floats(-100, 100) | st.sampled_from([0.0, 0.1, np.nan, 1e30]), min_size=50, max_size=150
)


@settings(max_examples=40, deadline=None)
@given(scores=scores_of, seed=st.integers(0, 1_000), window=st.sampled_from([32, 33, 64]))
def test_p_values_lie_in_range_and_fall_with_the_score(
    scores: list[float], seed: int, window: int
) -> None:
    bank = one(window=window, relearn_after=5)
    p_values = feed(bank, np.r_[normal(seed, 64), scores])[64:]
    known = ~np.isnan(p_values)

    assert (known == ~np.isnan(scores)).all()
    assert ((p_values[known] >= MIN_P_VALUE) & (p_values[known] <= 1)).all()
    ladder = np.sort(np.r_[np.linspace(-5, 50, 200), np.array(scores)[known]])
    assert (np.diff(feed(bank, ladder, learn=False)) <= 0).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 900), max_size=5),
    at=st.integers(1, 899),
)
def test_p_values_do_not_depend_on_cuts_dumps_or_neighbours(
    seed: int, cuts: list[int], at: int
) -> None:
    rng = RNG(seed)
    slots = rng.integers(3, size=900).astype(np.int32)
    scores = np.abs(rng.standard_t(2, size=900))
    scores[rng.random(900) < 0.05] = np.nan
    learn = rng.random(900) < 0.95

    def make() -> PeaksOverThreshold:
        return PeaksOverThreshold(3, Calibration(window=64, relearn_after=2), 1e-3)

    whole = make().p_values(slots, scores, learn)

    assert (~np.isnan(whole)).sum() > 500
    bank, edges = make(), [0, *sorted(cuts), 900]
    parts = [bank.p_values(slots[a:b], scores[a:b], learn[a:b]) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)

    first, second, order = make(), make(), np.array([2, 0, 1], np.int32)
    first.p_values(slots[:at], scores[:at], learn[:at])
    second.load(first.dump(order))
    moved = np.argsort(order).astype(np.int32)[slots[at:]]
    np.testing.assert_array_equal(second.p_values(moved, scores[at:], learn[at:]), whole[at:])

    own = slots == 1
    alone = make().p_values(np.zeros(own.sum(), np.int32), scores[own], learn[own])
    np.testing.assert_array_equal(alone, whole[own])


def test_reset_slot_is_a_new_entity() -> None:
    bank, scores = one(), normal(19, 500)
    first = feed(bank, scores)
    bank.reset(np.zeros(1, np.int32))
    np.testing.assert_array_equal(feed(bank, scores), first)


def test_rejects_state_of_another_window() -> None:
    state = one(window=64).dump(np.zeros(1, np.int32))

    with pytest.raises(SnapshotError, match="recent"):
        one(window=128).load(state)


def test_entity_takes_little_memory() -> None:
    assert one().bytes_per_entity <= 1_536

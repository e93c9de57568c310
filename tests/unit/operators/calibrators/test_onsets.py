from __future__ import annotations

import numpy as np
import pytest

from engine.domain.batch import Floats
from operators.calibrators.onsets import Onsets


def p_values(scores: Floats, bank: Onsets | None = None) -> Floats:
    """The p-values of scores, float64 [n, entities], one after the other."""
    n, entities = scores.shape
    slots = np.tile(np.arange(entities, dtype=np.int32), n)
    own = bank or Onsets(entities)
    return own.p_values(slots, scores.ravel(), np.ones(n * entities, bool)).reshape(n, entities)


def exponential(seed: int, n: int, entities: int) -> Floats:
    return -np.log10(np.random.default_rng(seed).random((n, entities)))


def within(p: Floats, promised: float, tolerance: float) -> bool:
    return bool(abs(np.mean(p <= promised) / promised - 1) <= tolerance)


def test_p_values_of_independent_scores_are_uniform() -> None:
    p = p_values(exponential(1, 20_000, 20))[100:]

    for share in (0.75, 0.5, 0.25, 0.1, 0.05, 0.02, 1e-2, 1e-3):
        assert within(p, share, 0.1), share


@pytest.mark.parametrize("factor", [1.0, 1.3])
@pytest.mark.parametrize("last", [1, 4])
def test_onsets_are_as_frequent_as_p_for_any_scores(factor: float, last: int) -> None:
    """Scores too large or too small, and ones that stay: a story is one alert."""
    scores = np.repeat(factor * exponential(2, 60_000 // last, 10), last, axis=0)

    assert within(p_values(scores), 1e-3, 0.15)


def test_first_events_alert_no_more_often_than_later_ones() -> None:
    p = p_values(exponential(3, 1_000, 400))

    assert within(p, 1e-3, 0.2)


def test_common_scores_never_alert() -> None:
    """Calm lowers the bars, but never below what is always there."""
    scores = np.full((50_000, 1), 1.5)

    assert (p_values(scores) >= 0.05).all()
    two = np.where(np.arange(50_000) % 10 == 0, 3.0, 0.1)[:, None]
    assert (p_values(two)[1_000:] > 1e-2).all()


def test_one_episode_is_one_alert() -> None:
    scores = exponential(4, 3_000, 1)
    scores[2_000:2_040] = 6.0
    p = p_values(scores)[2_000:2_040]

    assert p[0] < 1e-4
    assert (p[1:] > 1e-3).all()


def test_much_greater_score_within_an_episode_alerts_again() -> None:
    scores = exponential(4, 3_000, 1)
    scores[2_000:2_040] = 5.0
    scores[2_020] = 9.0
    p = p_values(scores)[2_000:2_040]

    assert np.flatnonzero(p <= 1e-4).tolist() == [0, 20]


def test_recurring_scores_alert_until_they_are_normal() -> None:
    scores = exponential(5, 60_000, 1)
    spikes = np.arange(2_000, 60_000, 500)
    scores[spikes] = 7.0
    alerted = p_values(scores)[spikes, 0] <= 1e-4

    assert alerted[:5].all()
    assert alerted.sum() < 30
    assert not alerted[-20:].all()


def test_score_without_learning_leaves_state_unchanged() -> None:
    bank, slots = Onsets(1), np.zeros(500, np.int32)
    p_values(exponential(6, 500, 1), bank)
    before = bank.dump(slots[:1])["state"]
    scores = np.full(500, 7.0)
    first = bank.p_values(slots, scores, np.zeros(500, bool))
    np.testing.assert_array_equal(first, first[0])
    np.testing.assert_array_equal(before, bank.dump(slots[:1])["state"])


def test_extreme_scores_give_p_values_within_bounds() -> None:
    scores = np.array([np.nan, 0.0, 1e300, -5.0, 1e9, np.nan, 3.0])[:, None]
    p = p_values(scores)[:, 0]

    assert np.isnan(p[[0, 5]]).all()
    kept = p[~np.isnan(p)]
    assert ((kept >= 1e-300) & (kept <= 1.0)).all()


def test_p_values_do_not_depend_on_the_cut_and_survive_a_restart() -> None:
    scores = exponential(7, 3_000, 2)
    whole = p_values(scores)
    bank = Onsets(2)
    first = p_values(scores[:1_234], bank)
    fresh = Onsets(2)
    fresh.load(bank.dump(np.arange(2, dtype=np.int32)))
    np.testing.assert_array_equal(whole, np.concatenate([first, p_values(scores[1_234:], fresh)]))

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from engine.domain.batch import Floats
from operators.kernels import tail
from tests.unit.operators.detectors.auto.streams import one, rarities, untimed_rarities

SPIKE_DEVIATIONS = 60.0


def gaussian(n: int, seed: int) -> Floats:
    return np.abs(np.random.default_rng(seed).normal(size=n))


def distances(law: str, n: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    if law == "t3":
        return np.abs(rng.standard_t(3, n))
    return rng.pareto(3, n) if law == "pareto" else gaussian(n, seed)


def settled(seed: int = 0, n: int = 5_000) -> Any:
    state = one(tail.RECORD)
    untimed_rarities(state, gaussian(n, seed))
    return state


def p_at(state: Any, distance: float) -> float:
    return float(tail.p_value(state, distance, 0.0, 0.0, 1.0))


def after_spikes(hours: list[int]) -> Any:
    """Have a spike at each of these hours, numbered from 1, hundred small distances apart."""
    state = settled()
    for hour in hours:
        rarities(state, np.array([0.5, SPIKE_DEVIATIONS, *[0.5] * 100]), np.full(102, hour))
    return state


def test_predicts_pareto_excesses_of_many_clusters() -> None:
    rng = np.random.default_rng(0)
    n, clusters = 50_000, 400
    excesses = rng.exponential(0.4, (n, clusters)).sum(axis=1)
    distances = tail.FIRST_LEVEL * np.exp(rng.exponential(0.4, n))
    state = one(tail.RECORD)
    state["mean"], state["events"] = 1.0, 999
    state["above"][0], state["clusters"][0] = 9.5 * tail.ABOVE_PARTS, clusters

    rare = np.empty(n)
    for i in range(n):
        state["excess"][0] = excesses[i]
        rare[i] = tail.p_value(state, distances[i], 0.0, 0.0, 1.0) / 0.01

    for share in (0.5, 0.1, 0.01):
        assert np.mean(rare <= share) == pytest.approx(share, rel=0.05, abs=4 * (share / n) ** 0.5)


def test_a_heavy_tail_is_not_made_lighter_by_what_is_taken_for_granted() -> None:
    state = one(tail.RECORD)
    state["mean"], state["events"] = 1.0, 999
    state["above"][0] = 10.0 * tail.ABOVE_PARTS
    state["clusters"][0], state["excess"][0] = 10.0, 10.0 * 0.6

    p = p_at(state, 100.0)

    # Survival of a Pareto tail of mean log-excess 0.6, times the share beyond the level.
    assert p >= 0.01 * (100.0 / tail.FIRST_LEVEL) ** (-1 / 0.6)


@pytest.mark.parametrize(
    ("events", "pending", "p", "teaches"),
    [
        (2_000, 1, 1e-6, False),
        (2_000, 1, 0.01, True),
        (2_000, tail.NEW_NORMAL_EVENTS, 1e-6, True),
        (900, 1, 1e-6, True),
    ],
    ids=["rare", "ordinary", "has lasted", "little known"],
)
def test_what_is_rare_says_what_is_usual_only_once_it_has_lasted(
    events: int, pending: int, p: float, teaches: bool
) -> None:
    state = one(tail.RECORD)
    state["events"], state["pending"][0] = events, pending

    assert tail.teaches(state, p) == teaches


def test_a_mean_of_many_events_is_judged_with_more_doubt() -> None:
    state = one(tail.RECORD)
    state["mean"], state["events"] = 1.0, 1_000

    p = [tail.p_value(state, 6.0, 0.0, 0.0, span) for span in (2.0, 32.0, 256.0)]

    assert p == sorted(p)
    assert p[2] > 5 * p[0]


def moving_means(law: str, n: int, seed: int, events: float) -> Floats:
    """Return the sizes of the moving means of signed values, clipped at 8 mean sizes."""
    rng = np.random.default_rng(seed)
    sizes = distances(law, n, seed + 1)
    values = np.minimum(sizes, 8.0 * sizes.mean()) * rng.choice([-1.0, 1.0], n)
    means, mean = np.empty(n), 0.0
    for i in range(n):
        mean += (values[i] - mean) / events
        means[i] = abs(mean)
    return means


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def mean_rarities(state: Any, means: Floats, span: float) -> Floats:
    p = np.empty(len(means))
    for i in range(len(means)):
        p[i] = tail.p_value(state, means[i], 0.0, 0.0, span, True)
        tail.learn(state, means[i], p[i], 0.0, 0.0, 0, span, True)
    return p


@pytest.mark.parametrize("law", ["gaussian", "t3", "pareto"])
def test_false_alarms_of_bounded_means_stay_within_the_p_value(law: str) -> None:
    p = np.concatenate(
        [
            mean_rarities(one(tail.RECORD), moving_means(law, 50_000, seed, 16.0), 32.0)
            for seed in range(40)
        ]
    )

    for share in (1e-3, 1e-4):
        assert np.mean(p <= share) <= 1.2 * share


def test_a_bounded_mean_far_out_is_rarer_than_a_value_as_far_out() -> None:
    state = one(tail.RECORD)
    means = moving_means("gaussian", 20_000, 0, 16.0)
    mean_rarities(state, means, 32.0)

    far = 12.0 * means.mean()

    value_p, mean_p = (tail.p_value(state, far, 0.0, 0.0, 32.0, bounded) for bounded in (0, 1))
    assert mean_p < 1e-8
    assert value_p > 1e3 * mean_p


@pytest.mark.parametrize("law", ["gaussian", "t3", "pareto"])
def test_false_alarms_stay_within_the_p_value(law: str) -> None:
    # One series' estimate serves all its events, so series differ: many of them are needed.
    p = np.concatenate(
        [untimed_rarities(one(tail.RECORD), distances(law, 100_000, seed)) for seed in range(30)]
    )

    for share in (1e-3, 1e-4):
        assert np.mean(p <= share) <= 1.2 * share


def test_a_tail_that_is_heavy_near_and_lighter_far_out_is_judged_by_its_far_part() -> None:
    p = np.concatenate(
        [
            untimed_rarities(
                one(tail.RECORD), np.random.default_rng(seed).lognormal(0.0, 1.5, 20_000)
            )
            for seed in range(20)
        ]
    )

    assert 0.6e-3 <= np.mean(p <= 1e-3) <= 1.2e-3


def test_p_value_falls_with_distance() -> None:
    state = settled()

    p = [p_at(state, distance) for distance in (3.0, 5.0, 10.0, 20.0, 60.0)]

    assert p == sorted(p, reverse=True)
    assert p_at(state, 60.0) < p_at(state, 20.0) < 1e-4


def test_is_ordinary_below_the_first_level_before_the_first_and_for_nan() -> None:
    state = settled()

    p = p_at(state, 2.0), p_at(one(tail.RECORD), 100.0), p_at(state, np.nan)

    assert p == (1.0, 1.0, 1.0)


def test_tenth_repeat_of_a_spike_is_still_rare() -> None:
    distances = gaussian(10_000, 0)
    spikes = 3_000 + 500 * np.arange(11)
    distances[spikes] = SPIKE_DEVIATIONS

    p = untimed_rarities(one(tail.RECORD), distances)

    assert p[spikes[10]] <= 1e-5


def test_spikes_at_different_hours_teach_no_more_than_noise_would() -> None:
    noisy = after_spikes([5, 11])

    state = after_spikes([5, 11, 20, 3, 14, 7])

    assert state["above"].tolist() == settled()["above"].tolist()
    assert state["excess"].tolist() == noisy["excess"].tolist()


@pytest.mark.parametrize("hours", [[5, 29], [5, 30], [24, 47], [5, 173]])
def test_learns_a_spike_at_about_the_hour_of_an_earlier_day(hours: list[int]) -> None:
    before = settled()

    state = after_spikes(hours)

    assert state["above"].tolist() == [
        count + tail.ABOVE_PARTS for count in before["above"].tolist()
    ]
    assert p_at(state, SPIKE_DEVIATIONS) > 2 * p_at(before, SPIKE_DEVIATIONS)


def test_what_keeps_to_a_schedule_for_some_days_becomes_normal() -> None:
    state = after_spikes([24 * day + 5 for day in range(8)])

    p = p_at(state, SPIKE_DEVIATIONS)

    assert p > 1e-6 > 1e4 * p_at(settled(), SPIKE_DEVIATIONS)


@pytest.mark.parametrize("hours", [[5, 5, 5], [5, 6, 7], [5, 17], [5, 5 + 24 * 9]])
def test_spikes_on_no_schedule_are_not_learned(hours: list[int]) -> None:
    before = settled()

    state = after_spikes(hours)

    assert state["above"].tolist() == before["above"].tolist()


def test_spikes_at_a_steady_rate_are_usual_and_not_learned() -> None:
    state = after_spikes([1 + 7 * k for k in range(40)])

    usual = tail.usual_p_value(state, SPIKE_DEVIATIONS, 0.0, False)

    assert usual == pytest.approx(40 / (5_000 + 40 * 102))
    assert p_at(state, SPIKE_DEVIATIONS) < 1e-4
    assert tail.usual_p_value(state, 2 * SPIKE_DEVIATIONS, 0.0, False) == 0.0


@pytest.mark.parametrize(("more", "usual"), [(1.0, 1.0), (1.2, 1.0), (1.4, 0.0)])
def test_what_is_due_deviates_by_a_quarter_more_than_before_at_most(
    more: float, usual: float
) -> None:
    state = after_spikes([5])
    unit = tail.first_level(state, 0.0)
    deviation = np.log(SPIKE_DEVIATIONS / unit)

    far = tail.usual_p_value(state, more * SPIKE_DEVIATIONS, 0.0, True)
    gauged = tail.usual_p_value(state, unit * np.exp(more * deviation), 0.0, True, True)

    assert (far, gauged) == (usual, usual)
    assert tail.usual_p_value(state, more * SPIKE_DEVIATIONS, 0.0, False) == 0.0


def test_spikes_near_to_each_other_are_one_episode() -> None:
    state = after_spikes([5])

    rarities(state, np.tile([SPIKE_DEVIATIONS, 0.5, 0.5], 20), np.full(60, 5))

    assert state["aliens"] == 2 * tail.ALIEN_PARTS
    assert state["above"].tolist() == settled()["above"].tolist()


def test_an_episode_that_lasts_is_learned() -> None:
    state = after_spikes([5])

    rarities(
        state, np.tile([SPIKE_DEVIATIONS, 0.5, 0.5], tail.NEW_NORMAL_EVENTS), np.full(1_200, 5)
    )

    assert state["above"][0] > settled()["above"][0] + 100 * tail.ABOVE_PARTS


def test_halving_keeps_the_p_value() -> None:
    state = settled(n=2 * tail.HALVED_EVENTS)
    before = [p_at(state, distance) for distance in (3.0, 4.0, 5.0)]

    tail.learn(state, 0.5, 1.0, 0.0, 0.0, 0, 1.0)

    assert state["events"] == tail.HALVED_EVENTS + 1
    after = [p_at(state, distance) for distance in (3.0, 4.0, 5.0)]
    np.testing.assert_allclose(after, before, rtol=0.5)


def rounded(deviation: float, n: int, seed: int = 0) -> Floats:
    """Return the distances of normal noise in whole steps, around a level between two steps."""
    drawn = np.round(np.random.default_rng(seed).normal(0.3, deviation, n))
    return np.asarray(np.abs(drawn - 0.3))


def test_steps_of_light_noise_are_no_heavy_tail() -> None:
    continuous, stepped = one(tail.RECORD), one(tail.RECORD)

    untimed_rarities(continuous, gaussian(5_000, 0) * 1.2)
    untimed_rarities(stepped, rounded(1.2, 5_000), 0.5)

    assert p_at(stepped, 12.0) < 20 * p_at(continuous, 12.0)


@pytest.mark.parametrize("deviation", [0.3, 0.6, 1.2])
def test_rounded_noise_is_as_rare_as_claimed(deviation: float) -> None:
    found = [
        untimed_rarities(one(tail.RECORD), rounded(deviation, 5_000, seed), 0.5)
        for seed in range(20)
    ]

    assert np.mean(np.array(found) <= 1e-4) < 1.2e-4

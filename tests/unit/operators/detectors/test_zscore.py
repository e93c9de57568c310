from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.batch import Floats
from engine.domain.errors import ParameterError
from operators.detectors.zscore import ZScore, ZScoreDetector
from tests.unit.operators.detectors.streams import assert_bank_laws, stream


def detector(d: int = 1, **parameters: object) -> ZScoreDetector:
    return ZScore().create("zscore", parameters, [f"v{j}" for j in range(d)])


def scores_of(values: list[float] | Floats, **parameters: object) -> Floats:
    columns = np.asarray(values, float)
    columns = columns.reshape(len(columns), -1)
    bank = detector(columns.shape[1], **parameters).bank(1)
    n = len(columns)
    return bank.score(np.zeros(n, np.int32), columns, np.ones(n, bool))


def test_constant_then_tiny_change_is_no_emergency() -> None:
    assert scores_of([5.0] * 1000 + [5.001])[-1] == pytest.approx(0.2, rel=1e-6)
    assert scores_of([5.0] * 1000 + [50.0])[-1] == pytest.approx(9000)
    assert scores_of([5.0] * 1000)[30:].max() == 0


def test_the_first_change_of_zeros_is_measured_by_the_absolute_floor() -> None:
    assert scores_of([0.0] * 1000 + [1.0])[-1] == 1
    assert scores_of([0.0] * 1000 + [50.0])[-1] == 50
    assert scores_of([0.0] * 1000 + [3.0], absolute_floor=0.5)[-1] == 6
    assert scores_of([0.0] * 1000 + [1.0, 1.0])[-1] < 2, "nor is the second"
    assert scores_of([0.0] * 1000 + [1e-6, 1.0])[-1] > 1e4, "now a unit is known"


def test_normal_values_score_as_standard_deviations() -> None:
    scores = scores_of(np.random.default_rng(1).normal(20, 3, 20_000))[2_000:]

    assert np.mean(scores > 1) == pytest.approx(0.317, abs=0.02)
    assert np.mean(scores > 2) == pytest.approx(0.0455, abs=0.01)


def test_one_outlier_hardly_moves_the_state() -> None:
    calm = np.random.default_rng(2).normal(20, 3, 1_000)
    with_outlier = np.concatenate([calm, [1e6], calm[:100]])
    without = np.concatenate([calm, [20], calm[:100]])
    ours, theirs = scores_of(with_outlier)[1001:], scores_of(without)[1001:]
    np.testing.assert_allclose(ours, theirs, atol=0.08)


def test_a_new_level_is_learned_within_two_half_lives() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(0, 1, 1000), rng.normal(40, 1, 600)])
    scores = scores_of(values, half_life=100)

    assert scores[1000:1005].min() > 25
    assert np.median(scores[1250:1300]) < 3
    assert np.median(scores[1550:]) < 1


def test_warm_up_counts_a_value_not_its_gaps() -> None:
    rng = np.random.default_rng(4)
    values = np.where(np.arange(40) % 2 == 0, np.nan, rng.normal(size=40))
    scores = scores_of(values, warm_up=10)

    assert np.isnan(scores[:21]).all()
    assert np.isfinite(scores[21::2]).all()
    assert np.isnan(scores[::2]).all(), "an event of gaps has no score"


def test_the_most_anomalous_value_counts() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(100, 3))
    each = np.column_stack([scores_of(values[:, j]) for j in range(3)])
    np.testing.assert_array_equal(scores_of(values)[30:], each[30:].max(axis=1))


def test_scoring_without_learning_leaves_no_trace() -> None:
    bank = detector().bank(1)
    slots, values = np.zeros(100, np.int32), np.random.default_rng(6).normal(size=(100, 1))
    bank.score(slots, values, np.ones(100, bool))
    before = bank.dump(slots[:1])["state"]
    bank.score(slots, values * 50, np.zeros(100, bool))
    np.testing.assert_array_equal(before, bank.dump(slots[:1])["state"])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=5, max_size=30))
def test_scores_are_never_infinite(values: list[float]) -> None:
    scores = scores_of(values, warm_up=2)

    assert np.isnan(scores[:2]).all()
    assert np.isfinite(scores[2:]).all()
    assert (scores[2:] >= 0).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 600), max_size=6),
    at=st.integers(1, 599),
)
def test_bank_laws(seed: int, cuts: list[int], at: int) -> None:
    make = detector(3, warm_up=5, half_life=20)
    assert_bank_laws(lambda: make.bank(4), stream(seed, 600, 4, 3, gaps=True), cuts, at)


def test_it_says_what_it_is() -> None:
    (declared,) = ZScore().declarations()

    assert declared.bytes_per_entity == detector(1).bytes_per_entity == 16
    assert detector(3).bytes_per_entity == 48
    assert detector().bank(1).failures() == {}
    with pytest.raises(ParameterError, match='Did you mean "half_life"'):
        detector(halflife=3)

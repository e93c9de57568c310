from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.batch import Floats, Int64s
from engine.domain.errors import ParameterError
from operators.calibrators.onsets import Onsets
from operators.detectors.auto.detector import Auto, AutoBank, AutoDetector
from tests.unit.operators.detectors.streams import assert_bank_laws, stream

MINUTE = 60 * 10**9
LARGEST = 8.0
"""A greater score is an alarm under any budget."""


def detector(d: int = 1) -> AutoDetector:
    return Auto().create("auto", {}, [f"v{j}" for j in range(d)])


def scores_of(values: list[float] | Floats, times: Int64s | None = None) -> Floats:
    columns = np.asarray(values, float)
    columns = columns.reshape(len(columns), -1)
    n, d = columns.shape
    slots, learn = np.zeros(n, np.int32), np.ones(n, bool)
    bank = detector(d).bank(1)
    if times is None:
        return bank.score(slots, columns, learn)
    return bank.score_at(slots, columns, learn, times)


class TimedBank(AutoBank):
    """One whose events come at times that follow from their slots alone."""

    def score(self, slots, values, learn):
        times = (values[:, 0].view(np.int64) >> 8) % (10**9 * 604_800)
        return self.score_at(slots, values, learn, times)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 900), max_size=6),
    at=st.integers(1, 899),
    d=st.integers(1, 3),
)
def test_bank_laws(seed: int, cuts: list[int], at: int, d: int) -> None:
    events = stream(seed, 900, 4, d, gaps=True)
    assert_bank_laws(lambda: detector(d).bank(4), events, cuts, at)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 900), max_size=6))
def test_bank_laws_with_times(seed: int, cuts: list[int]) -> None:
    assert_bank_laws(lambda: TimedBank(4, 1), stream(seed, 900, 4, 1), cuts, 450)


FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY = st.one_of(st.sampled_from([np.inf, -np.inf, np.nan, 0.0, 1.0, 1e308, -1e308, 5e-324]), FINITE)


@settings(max_examples=150, deadline=None)
@given(
    head=st.lists(ANY, min_size=1, max_size=60),
    repeats=st.integers(1, 8),
    d=st.sampled_from([1, 2]),
    timed=st.booleans(),
)
def test_scores_are_finite_whatever_comes(head, repeats, d, timed) -> None:
    values = np.tile(np.array(head), repeats * d * (1 + 60 // len(head))).reshape(-1, d)
    times = np.arange(len(values)) * (997 * 10**9)
    scores = scores_of(values, times if timed else None)
    silent = np.isnan(values).all(axis=1)
    assert np.isnan(scores[silent]).all()
    warm = np.cumsum(~silent) > 50
    assert np.isfinite(scores[warm & ~silent]).all()
    assert (scores[warm & ~silent] >= 0).all()


@pytest.mark.parametrize("d", [1, 2])
def test_scoring_without_learning_leaves_no_trace(d: int) -> None:
    bank = detector(d).bank(1)
    slots, values = np.zeros(200, np.int32), np.random.default_rng(6).normal(size=(200, d))
    for start, end in ((0, 1), (1, 30), (30, 200)):
        bank.score(slots[start:end], values[start:end], np.ones(end - start, bool))
        before = bank.dump(slots[:1])["state"]
        bank.score_at(slots, values * 50, np.zeros(200, bool), np.arange(200) * MINUTE)
        np.testing.assert_array_equal(before, bank.dump(slots[:1])["state"])


@pytest.mark.parametrize("d", [1, 4])
def test_warm_up(d: int) -> None:
    scores = scores_of(np.random.default_rng(1).normal(size=(80, d)))
    assert np.isnan(scores[:50]).all()
    assert np.isfinite(scores[50:]).all()


def test_it_says_what_it_is() -> None:
    (declared,) = Auto().declarations()
    assert declared.bytes_per_entity == detector().bytes_per_entity
    assert detector().bytes_per_entity + Onsets(1).bytes_per_entity <= 2048
    assert detector().bank(1).failures() == {}
    with pytest.raises(ParameterError, match="It takes none"):
        Auto().create("auto", {"window": 3}, ["a"])

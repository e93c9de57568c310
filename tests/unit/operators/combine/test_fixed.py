from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import cauchy, combine_pvalues

from engine.domain.pipeline import Combination
from operators.combine.fixed import combine

NAN = np.nan
WAYS: list[Combination] = ["any", "all", "cauchy"]


@pytest.mark.parametrize("how", WAYS)
def test_single_detector_is_passed_through(how: Combination) -> None:
    column = np.array([[1e-300], [0.5], [1.0], [NAN]])
    combined = combine(column, how)
    np.testing.assert_array_equal(combined, column[:, 0])
    combined[:] = 0

    assert column[1, 0] == 0.5, "a copy"


def test_any_is_the_smallest_times_the_number_of_warm_detectors() -> None:
    table = np.array([[0.01, 0.2, 0.5], [0.01, NAN, 0.5], [NAN, 0.01, NAN], [0.9, 0.8, 0.7]])

    assert combine(table, "any") == pytest.approx([0.03, 0.02, 0.01, 1.0])


def test_all_is_the_largest_of_warm_detectors() -> None:
    table = np.array([[0.01, 0.2, 0.5], [0.01, NAN, 0.02], [NAN, 0.01, NAN]])

    assert combine(table, "all").tolist() == [0.5, 0.02, 0.01]


def test_cauchy_is_the_mean_of_cauchy_quantiles() -> None:
    table = np.array([[0.01, 0.2, 0.5], [1e-6, 0.99, 0.3], [0.04, 0.04, 0.04]])
    expected = cauchy.sf(cauchy.isf(table).mean(axis=1))

    assert combine(table, "cauchy") == pytest.approx(expected, rel=1e-9)
    without = combine(np.array([[0.01, NAN, 0.5]]), "cauchy")
    assert without == pytest.approx(combine(np.array([[0.01, 0.5]]), "cauchy"))


@pytest.mark.parametrize("smallest", [1e-8, 1e-11, 1e-13, 1e-16, 1e-30, 1e-290])
def test_cauchy_keeps_its_digits_in_the_far_tail(smallest: float) -> None:
    table = np.array([[smallest, 0.5], [smallest, smallest]])

    assert combine(table, "cauchy") == pytest.approx([2 * smallest, smallest], rel=1e-3, abs=0)


@pytest.mark.parametrize("how", WAYS)
def test_no_warm_detector_gives_nan(how: Combination) -> None:
    assert np.isnan(combine(np.full((2, 3), NAN), how)).all()
    assert combine(np.empty((0, 2)), how).shape == (0,)


@pytest.mark.parametrize("how", ["any", "cauchy"])
def test_independent_detectors_on_normal_data_keep_the_rate(how: Combination) -> None:
    p_values = np.random.default_rng(1).random((200_000, 3))
    combined = combine(p_values, how)

    assert (combined <= 0.01).mean() == pytest.approx(0.01, rel=0.1)


def test_any_is_never_below_tippett() -> None:
    p_values = np.random.default_rng(2).random((50, 4))

    for row, combined in zip(p_values, combine(p_values, "any"), strict=True):
        assert combined >= combine_pvalues(row, "tippett").pvalue - 1e-12


p_value = st.floats(1e-300, 1.0) | st.just(NAN)


@given(rows=st.lists(st.tuples(p_value, p_value, p_value), min_size=1, max_size=20))
def test_combined_values_lie_in_0_to_1(rows: list[tuple[float, float, float]]) -> None:
    table = np.array(rows)
    cold = np.isnan(table).all(axis=1)

    for how in WAYS:
        combined = combine(table, how)
        assert (np.isnan(combined) == cold).all()
        assert ((combined[~cold] > 0) & (combined[~cold] <= 1)).all()

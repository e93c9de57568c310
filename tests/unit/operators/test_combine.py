import numpy as np
import pytest
from scipy.stats import cauchy

from operators.combine import combine

NAN = np.nan
P = np.array([[0.01, 0.5], [0.2, NAN], [NAN, NAN], [0.9, 0.8]])


def test_any_is_the_smallest_times_the_warm_ones() -> None:
    np.testing.assert_allclose(combine(P, "any"), [0.02, 0.2, NAN, 1.0])


def test_all_is_the_largest() -> None:
    np.testing.assert_allclose(combine(P, "all"), [0.5, 0.2, NAN, 0.9])


def test_cauchy_is_the_mean_of_cauchy_quantiles() -> None:
    expected = cauchy.sf(cauchy.isf(np.array([[0.01, 0.5], [0.9, 0.8]])).mean(axis=1))
    np.testing.assert_allclose(combine(P, "cauchy")[[0, 3]], expected)
    np.testing.assert_allclose(combine(P, "cauchy")[1:3], [0.2, NAN])


def test_cauchy_keeps_its_digits_in_the_far_tail() -> None:
    assert combine(np.array([[1e-200, 1e-200]]), "cauchy")[0] == pytest.approx(1e-200)


def test_one_detector_is_taken_as_it_is() -> None:
    np.testing.assert_array_equal(combine(P[:, :1], "any"), P[:, 0])

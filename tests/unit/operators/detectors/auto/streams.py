"""What the tests of `auto` share: streams, and loops over one part of the detector."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Floats, Int64s
from engine.domain.explanation import Explanation
from operators.detectors.auto import autoregression, season
from operators.detectors.auto.detector import AutoBank, AutoDetector
from operators.kernels import tail

MINUTE = 60_000_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONDAY = 4 * DAY
"""1970 began on a Thursday."""


def one(dtype: Any) -> Any:
    """Return a record of zeros that functions change in place."""
    return np.zeros(1, dtype)[0]


def one_of(fields: list[Any]) -> Any:
    """Return a record of zeros of these fields."""
    return one(np.dtype(fields))


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def rarities(state: Any, distances: Floats, hours: Int64s, half_step: float = 0.0) -> Floats:
    """Return the p-value of each distance by the tail before it, and learn it."""
    p = np.empty(len(distances))
    for i in range(len(distances)):
        p[i] = tail.p_value(state, distances[i], 0.0, 0.0, 1.0)
        tail.learn(state, distances[i], p[i], 0.0, half_step, hours[i], 1.0)
    return p


def untimed_rarities(state: Any, distances: Floats, half_step: float = 0.0) -> Floats:
    """Return the same where the times are not known."""
    p: Floats = rarities(state, distances, np.zeros(len(distances), np.int64), half_step)
    return p


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def _forecasts(state: Any, values: Floats, seen: int, means: Floats) -> Floats:
    expected = np.empty(len(values))
    for i in range(len(values)):
        expected[i] = autoregression.forecast(state, means[i])
        autoregression.learn(state, values[i], expected[i], means[i], seen + i, 0.0)
    return expected


def forecasts(state: Any, values: Floats, seen: int, means: Floats | None = None) -> Floats:
    """Return the forecast of each value, with its mean before it (0), and learn it."""
    expected: Floats = _forecasts(state, values, seen, 0 * values if means is None else means)
    return expected


@njit(error_model="numpy")  # type: ignore[untyped-decorator]
def seasonal(state: Any, values: Floats, times: Int64s) -> Floats:
    """Return what the season foretells of each value, and learn it."""
    foreseen = np.empty(len(values))
    for i in range(len(values)):
        foreseen[i] = season.expected(state, times[i])
        season.learn(state, values[i], foreseen[i], times[i], 1.0)
    return foreseen


def minutes(n: int) -> Int64s:
    """Return n times, a minute apart, from a Monday on."""
    return MONDAY + MINUTE * np.arange(n, dtype=np.int64)


def noise(n: int, d: int, seed: int = 0) -> Floats:
    """Return normal noise."""
    return np.random.default_rng(seed).normal(size=(n, d))


def autoregressive(n: int, part: float, seed: int = 0) -> Floats:
    """Return a series of which each value carries on a part of the one before."""
    values = np.random.default_rng(seed).normal(size=n)
    for i in range(1, n):
        values[i] += part * values[i - 1]
    return values


def explain(bank: AutoBank, values: Floats, times: Int64s) -> Explanation:
    """Score and learn events of one entity."""
    n = len(values)
    return bank.score_and_explain(
        np.zeros(n, np.int32), np.ascontiguousarray(values), np.ones(n, bool), times
    )


def explained(values: Floats) -> Explanation:
    """Score the events of a new entity, a minute apart."""
    return explain(AutoDetector(values.shape[1]).bank(1), values, minutes(len(values)))

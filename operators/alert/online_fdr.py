"""Which p-values are discoveries while the share of false ones among them is held: online FDR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.domain.alert_policy import FalseDiscoveryRate
from engine.domain.batch import Floats, Int64s

MOST_DISCOVERIES = 32
"""Discoveries that are remembered: older ones have nearly no weight left."""
WINDOW_TESTS = 256
"""Tests whose levels are computed together, and again after a discovery."""
NORMALISER = 0.07720838
"""Makes the weights of all tests that follow a discovery sum up to one."""


class OnlineFdr:
    """LORD with a memory that decays, over the tests of all entities of one key group.

    A test's level is `share * base * max(w(t), 1 - d) + share * sum(d^(t - s) * w(t - s))` over the
    earlier discoveries s: each discovery pays for tests that come soon after it, and what was paid
    is forgotten within a day. The p-values of many entities are tested as one sequence.

    Source: Rebjock, Kurt, Januschowski and Callot (2021), "Online false discovery rate control for
    anomaly detection in time series", NeurIPS 34; the weights w are those of Javanmard and
    Montanari (2018), Annals of Statistics 46(2).

    Args:
        base: part of the share that is spent each day without any discovery; those of all groups
            sum up to one.
    """

    def __init__(self, base: float) -> None:
        self._base = base
        self._tests = 0
        self._days = 0.0
        # float64 [k, 2]: number of the test and the days until then
        self._found: NDArray[np.float64] = np.empty((0, 2))

    def test(
        self,
        policy: FalseDiscoveryRate,
        p_values: Floats,
        rates: Floats,
        discover: Callable[[int, float], bool],
    ) -> float:
        """Test p-values in their order; return how many false discoveries that accepted.

        Args:
            policy: the share of false ones that is accepted, and the highest level.
            p_values: float64 [n]; NaN is no test.
            rates: float64 [n], events a day of the key group; NaN while unknown.
            discover: called with the row and the level of each p-value that its level allows;
                returns whether it pays for later tests.
        """
        if not len(p_values):
            return 0.0
        tested = ~np.isnan(p_values)
        numbers = self._tests + np.cumsum(tested)
        passed = np.where(tested, np.nan_to_num(1 / rates), 0.0)
        # Added one by one: cutting the stream into other batches changes no bit.
        days = np.cumsum(np.concatenate(([self._days], passed)))[1:]
        rows = np.flatnonzero(p_values <= policy.max_p_value)
        accepted = self._base * (days[-1] - self._days)
        while len(rows):
            window = rows[:WINDOW_TESTS]
            earned = self._earned(numbers[window], days[window], passed[window])
            levels = np.minimum(policy.share * earned, policy.max_p_value)
            done = len(window)
            for place in np.flatnonzero(p_values[window] <= levels).tolist():
                row = int(window[place])
                if discover(row, float(levels[place])):
                    self._remember(float(numbers[row]), float(days[row]))
                    accepted += 1
                    done = place + 1
                    break
            rows = rows[done:]
        self._tests, self._days = int(numbers[-1]), float(days[-1])
        return float(policy.share * accepted)

    def dump(self) -> NDArray[np.float64]:
        """Return the state."""
        return np.vstack(([[self._tests, self._days]], self._found))

    def load(self, state: NDArray[np.generic]) -> None:
        """Restore a dumped state."""
        whole = np.array(state, np.float64)
        self._tests, self._days = int(whole[0, 0]), float(whole[0, 1])
        self._found = whole[1:]

    def _earned(self, numbers: Int64s, days: Floats, passed: Floats) -> Floats:
        base = self._base * np.maximum(_weights(numbers), -np.expm1(-passed))
        kept = np.exp(self._found[:, 1] - days[:, None])
        paid = (kept * _weights(numbers[:, None] - self._found[:, 0])).sum(axis=1)
        return np.asarray(base + paid)

    def _remember(self, number: float, days: float) -> None:
        self._found = np.vstack((self._found, [[number, days]]))[-MOST_DISCOVERIES:]


def _weights(tests: NDArray[Any]) -> Floats:
    """Return how much of its pay a discovery has for the first test after it, the second and on."""
    logs = np.log(tests)
    weights = NORMALISER * np.maximum(logs, np.log(2)) / (tests * np.exp(np.sqrt(logs)))
    return np.asarray(weights)

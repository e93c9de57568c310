"""Which p-values are discoveries while the share of false ones among them is held: online FDR."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.domain.alert_policy import FalseDiscoveryRate
from engine.domain.batch import Floats, Int64s
from engine.domain.detector import State
from engine.domain.feedback import Feedback

MOST_DISCOVERIES = 64
"""Discoveries that are remembered: older ones have nearly no weight left."""
WINDOW_TESTS = 256
"""Tests whose levels are computed together, and again after a discovery."""
NORMALISER = 0.07720838
"""Makes the weights of all tests that follow a discovery sum up to one."""
OPEN, COUNTED_TRUE, COUNTED_FALSE = range(3)
"""What a discovery was accounted as: as nothing yet, as a true one, or as a false one."""

Mark = tuple[int, int]
"""By which a discovery is found again: a number of its entity, and its event time."""
NOBODY = (0, 0, OPEN)
"""Stands for the mark of what is left of earlier discoveries."""


class OnlineFdr:
    """LORD with a memory that decays, over the tests of all entities of one task.

    A test's level is `share * base * max(w(t), 1 - d) + share * sum(d^(t - s) * w(t - s))` over the
    earlier discoveries s: each discovery pays for tests that come soon after it, and what was paid
    is forgotten within a day. The p-values of many entities are tested as one sequence.

    Where people judge discoveries, what the tests until then were paid for is replaced by what is
    known of them (`follow`).

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
        self._settled = 0.0
        # float64 [k, 3]: number of the test, the days until then, and what it pays, in shares
        self._found: NDArray[np.float64] = np.empty((0, 3))
        # int64 [k, 3]: the mark of each, and what it was accounted as
        self._marks: NDArray[np.int64] = np.empty((0, 3), np.int64)

    def test(
        self,
        policy: FalseDiscoveryRate,
        p_values: Floats,
        rates: Floats,
        discover: Callable[[int, float], Mark | None],
    ) -> float:
        """Test p-values in their order; return how many false discoveries that accepted.

        Args:
            policy: the share of false ones that is accepted, and the highest level.
            p_values: float64 [n]; NaN is not a test.
            rates: float64 [n], events a day of the task; NaN while unknown.
            discover: called with the row and the level of each p-value that its level allows;
                returns its mark if it pays for later tests, else None.
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
                mark = discover(row, float(levels[place]))
                if mark is not None:
                    self._remember(float(numbers[row]), float(days[row]), 1.0, (*mark, OPEN))
                    accepted += 1
                    done = place + 1
                    break
            rows = rows[done:]
        self._tests, self._days = int(numbers[-1]), float(days[-1])
        return float(policy.share * accepted)

    def follow(self, feedback: Iterable[Feedback], share: float) -> None:
        """Replace what tests were paid for by what is known of their discoveries.

        Until the newest discovery that was judged, the false ones are those that people say: what
        all discoveries until then pay, less one for each false one, is paid to the tests from here
        on. Discoveries of that time that nobody judged count as true. By this, the expected number
        of false ones stays within what discoveries pay for, as before; the levels rise where fewer
        were false than was paid for, and fall where more were. It follows Lu et al. (2025),
        "Feedback-enhanced online multiple testing", with the memory of this procedure.

        Args:
            feedback: that comes into force now; what was accounted before changes nothing.
            share: of false ones that is accepted.
        """
        judged = self._newly_judged(feedback)
        if not judged:
            return
        days, pay = self._found[:, 1], self._found[:, 2]
        until = max(self._settled, *(float(days[k]) for k in judged))
        kept = np.exp(days - until)
        settled = (days <= until) & (self._marks[:, 2] == OPEN)
        false = [k for k, is_true in judged.items() if not is_true]
        wealth = (
            float((pay * kept)[settled].sum())
            - self._base * float(np.expm1(self._settled - until))
            - float(kept[false].sum()) / share
            - self._spent_since(until, np.maximum(pay * kept, 0.0) * settled)
        )
        self._found[settled, 2] = 0.0
        self._marks[settled, 2] = COUNTED_TRUE
        self._marks[false, 2] = COUNTED_FALSE
        self._settled = until
        left = wealth * float(np.exp(until - self._days))
        self._remember(float(self._tests), self._days, left, NOBODY)

    def _spent_since(self, until: float, pays: Floats) -> float:
        """Return at most how much of what discoveries pay was spent after a time."""
        numbers = self._found[:, 0]
        reached = numbers[self._found[:, 1] <= until].max()
        spent = _unspent(reached - numbers) - _unspent(self._tests - numbers)
        return float((pays * np.maximum(spent, 0.0)).sum())

    def _newly_judged(self, feedback: Iterable[Feedback]) -> dict[int, bool]:
        """Return the places of discoveries that were not accounted as judged, and whether true."""
        found: dict[int, bool] = {}
        marks = self._marks
        for one in feedback:
            entity, time = mark_of(one.case.entity, one.case.time)
            # An anomaly belongs to the incident of its entity that began last.
            places = np.flatnonzero((marks[:, 0] == entity) & (marks[:, 1] <= time))
            if len(places):
                found[int(places[-1])] = one.is_true
        return {
            k: is_true
            for k, is_true in found.items()
            if marks[k, 2] == OPEN or (marks[k, 2] == COUNTED_TRUE and not is_true)
        }

    def dump(self) -> State:
        """Return the state."""
        head = [[self._tests, self._days, self._settled]]
        return {"discoveries": np.vstack((head, self._found)), "marks": self._marks}

    def load(self, state: State) -> None:
        """Restore a dumped state; earlier releases knew neither payments nor marks."""
        whole = np.array(state["discoveries"], np.float64)
        columns = whole.shape[1]
        self._tests, self._days = int(whole[0, 0]), float(whole[0, 1])
        self._settled = float(whole[0, 2]) if columns > 2 else 0.0
        self._found = np.ones((len(whole) - 1, 3))
        self._found[:, :columns] = whole[1:]
        unmarked = np.zeros((len(self._found), 3), np.int64)
        self._marks = np.array(state.get("marks", unmarked), np.int64)

    def _earned(self, numbers: Int64s, days: Floats, passed: Floats) -> Floats:
        base = self._base * np.maximum(_weights(numbers), -np.expm1(-passed))
        kept = np.exp(self._found[:, 1] - days[:, None])
        weights = _weights(numbers[:, None] - self._found[:, 0])
        paid = (self._found[:, 2] * kept * weights).sum(axis=1)
        return np.asarray(base + np.maximum(paid, 0.0))

    def _remember(self, number: float, days: float, pay: float, mark: tuple[int, int, int]) -> None:
        self._found = np.vstack((self._found, [[number, days, pay]]))[-MOST_DISCOVERIES:]
        self._marks = np.vstack((self._marks, [mark]))[-MOST_DISCOVERIES:]


def mark_of(entity: str, time: int) -> Mark:
    """Return by what a discovery is found again."""
    digest = blake2b(entity.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True), time


def _weights(tests: NDArray[Any]) -> Floats:
    """Return how much of its pay a discovery has for the first test after it, the second and on."""
    logs = np.log(tests)
    weights = NORMALISER * np.maximum(logs, np.log(2)) / (tests * np.exp(np.sqrt(logs)))
    return np.asarray(weights)


def _unspent(tests: Floats) -> Floats:
    """Return a lower bound of the part of its reward that a discovery has left after some tests."""
    x = np.sqrt(np.log(np.maximum(tests, 1.0)))
    rest = 2 * NORMALISER * np.exp(-x) * (x**3 + 3 * x**2 + 6 * x + 6)
    return np.asarray(np.minimum(rest, 1.0))

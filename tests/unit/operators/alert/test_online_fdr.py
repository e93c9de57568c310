from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from online_fdr.p_values.investing.lord.mem_decay import LORDMemoryDecay

from engine.domain.alert_policy import FalseDiscoveryRate
from engine.domain.detector import State
from engine.domain.feedback import Case, Feedback
from operators.alert import online_fdr
from operators.alert.online_fdr import Mark, OnlineFdr, mark_of

NAN = np.nan
POLICY = FalseDiscoveryRate(0.1)


def levels_at(
    tests: OnlineFdr,
    p_values: object,
    rate: float,
    pays: bool = True,
    policy: FalseDiscoveryRate = POLICY,
) -> dict[int, float]:
    found: dict[int, float] = {}

    def discover(row: int, level: float) -> Mark | None:
        found[row] = level
        return mark_of("e", row) if pays else None

    column = np.asarray(p_values, np.float64)
    tests.test(policy, column, np.full(len(column), rate), discover)
    return found


def mixed(seed: int, n: int, planted: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    p_values = rng.random(n)
    p_values[rng.choice(n, planted, replace=False)] *= 1e-9
    return p_values


@pytest.mark.parametrize(("seed", "base"), [(1, 1.0), (2, 0.25)])
def test_it_finds_what_an_independent_implementation_finds(seed: int, base: float) -> None:
    """At the same levels, up to the last digits."""
    p_values = mixed(seed, 20_000, 25)
    oracle = LORDMemoryDecay(0.1, delta=float(np.exp(-1 / 5_000)), eta=base)
    expected = {}
    for row, p_value in enumerate(p_values.tolist()):
        if oracle.test_one(p_value):
            expected[row] = oracle.alpha
    found = levels_at(OnlineFdr(base), p_values, 5_000, policy=FalseDiscoveryRate(0.1, 1.0))

    assert len(found) > 20
    assert found == pytest.approx(expected, rel=1e-9)


def in_parts(seed: int, edges: list[int]) -> tuple[list[tuple[int, float]], object]:
    """Test a stream in parts, each by another process, which takes the state up."""
    p_values = mixed(seed, 600, 40)
    p_values[::7] = NAN
    rates = np.random.default_rng(seed).uniform(10, 1_000, 600)
    found: list[tuple[int, float]] = []
    state = OnlineFdr(1.0).dump()
    for start, stop in itertools.pairwise(edges):
        tests = OnlineFdr(1.0)
        tests.load(state)

        def discover(row: int, level: float, start: int = start) -> Mark | None:
            found.append((start + row, level))
            return mark_of("e", start + row) if (start + row) % 2 == 0 else None

        tests.test(POLICY, p_values[start:stop], rates[start:stop], discover)
        state = tests.dump()
    return found, [np.asarray(part).tolist() for part in state.values()]


@given(cuts=st.lists(st.integers(0, 600), max_size=5), seed=st.integers(0, 20))
def test_cutting_the_stream_into_other_batches_changes_no_bit(cuts: list[int], seed: int) -> None:
    assert in_parts(seed, [0, *sorted(cuts), 600]) == in_parts(seed, [0, 600])


def test_a_missing_p_value_is_no_test() -> None:
    sparse = np.full(400, NAN)
    sparse[::4] = mixed(3, 100, 10)
    found = levels_at(OnlineFdr(1.0), sparse, 1_000)
    dense = levels_at(OnlineFdr(1.0), mixed(3, 100, 10), 1_000)

    assert {row // 4: level for row, level in found.items()} == dense


def test_only_what_is_a_discovery_pays_for_later_tests() -> None:
    p_values = np.full(50, 1e-12)
    paid = levels_at(OnlineFdr(1.0), p_values, 1e6)
    unpaid = levels_at(OnlineFdr(1.0), p_values, 1e6, pays=False)

    assert len(paid) == len(unpaid) == 50
    assert list(unpaid.values()) == sorted(unpaid.values(), reverse=True)
    assert paid[49] > 2 * unpaid[49]


def test_no_level_is_above_the_highest() -> None:
    p_values = np.full(1_000, 1e-12)
    found = levels_at(OnlineFdr(1.0), p_values, 10, policy=FalseDiscoveryRate(0.9, 1e-3))

    assert len(found) == 1_000
    assert max(found.values()) == 1e-3


def test_nothing_is_spent_before_the_rate_is_known() -> None:
    tests = OnlineFdr(1.0)
    column = np.full(5, 0.5)

    assert tests.test(POLICY, column, np.full(5, NAN), lambda row, _level: (1, row)) == 0
    assert tests.test(
        POLICY, column, np.full(5, 10.0), lambda row, _level: (1, row)
    ) == pytest.approx(0.05)
    assert tests.test(POLICY, column[:0], column[:0], lambda row, _level: (1, row)) == 0


def test_old_discoveries_are_forgotten() -> None:
    tests = OnlineFdr(1.0)
    levels_at(tests, np.full(100, 1e-12), 1e6)

    assert len(np.asarray(tests.dump()["discoveries"])) == 1 + online_fdr.MOST_DISCOVERIES
    fresh = OnlineFdr(1.0)
    quiet = np.append(np.full(50_000, 0.5), 1e-12)
    after, never = levels_at(tests, quiet, 1_000), levels_at(fresh, quiet, 1_000)
    assert after == pytest.approx(never, rel=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_the_share_of_false_ones_among_discoveries_is_held(share: float) -> None:
    """300 streams of a day with 20 true ones each; and what is promised is not left unused."""
    false = true = 0
    for seed in range(300):
        rng = np.random.default_rng([seed, 1])
        p_values = rng.random(2_000)
        planted = rng.choice(2_000, 20, replace=False)
        p_values[planted] *= 1e-5
        found = levels_at(OnlineFdr(1.0), p_values, 2_000, policy=FalseDiscoveryRate(share, 1.0))
        true += len(found.keys() & set(planted.tolist()))
        false += len(found.keys() - set(planted.tolist()))

    assert true > 300 * 20 * 0.8
    assert share / 10 < false / (false + true) < share


def feedback(row: int, *, is_true: bool, entity: str = "e") -> Feedback:
    case = Case(entity, "spike", "v", "above", row, 3.0)
    return Feedback(f"feedback-{row}", is_true, case, (entity,))


def judged_days(seed: int, power: float, share: float, *, judged: bool) -> tuple[int, int]:
    """Return the true and the false discoveries of ten days; with all false ones marked, if so."""
    rng = np.random.default_rng(seed)
    p_values = rng.random(50_000) ** power
    planted = rng.choice(50_000, 100, replace=False)
    p_values[planted] = 10.0 ** -rng.uniform(1, 7, 100)
    tests, found, marks = OnlineFdr(1.0), set[int](), list[Feedback]()
    known = set(planted.tolist())
    for start in range(0, 50_000, 500):

        def discover(row: int, _level: float, start: int = start) -> Mark:
            found.add(start + row)
            is_true = start + row in known
            marks.append(feedback(start + row, is_true=is_true))
            return mark_of("e", start + row)

        column = p_values[start : start + 500]
        tests.test(FalseDiscoveryRate(share), column, np.full(500, 5_000.0), discover)
        if judged and marks:
            tests.follow([one for one in marks if not one.is_true] + marks[-1:], share)
    return len(found & known), len(found - known)


def test_with_false_ones_marked_more_true_ones_are_found_where_p_values_are_cautious() -> None:
    plain = [judged_days(seed, 0.5, 0.1, judged=False) for seed in range(4)]
    marked = [judged_days(seed, 0.5, 0.1, judged=True) for seed in range(4)]

    true, false = np.sum(plain, axis=0)
    true_marked, false_marked = np.sum(marked, axis=0)
    assert true_marked > 1.03 * true
    assert false == false_marked == 0


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_with_false_ones_marked_the_share_is_still_held(share: float) -> None:
    true, false = np.sum([judged_days(seed, 1.0, share, judged=True) for seed in range(6)], axis=0)

    assert false < 1.2 * share * (true + false + 6 * 10)


def test_a_discovery_that_was_false_takes_back_what_was_paid() -> None:
    p_values = np.full(200, 1e-12)
    after = {}
    for name, verdicts in {"none": [], "true": [True] * 5, "false": [False] * 5}.items():
        tests = OnlineFdr(1.0)
        levels_at(tests, p_values[:5], 1e6)
        tests.follow([feedback(row, is_true=one) for row, one in enumerate(verdicts)], 0.1)
        after[name] = levels_at(tests, np.r_[np.full(50, 0.5), 1e-12], 1e6)[50]

    assert after["true"] > after["none"] > after["false"] > 0


def test_what_was_accounted_counts_once_also_after_a_restart() -> None:
    tests, again = OnlineFdr(1.0), OnlineFdr(1.0)
    levels_at(tests, np.full(5, 1e-12), 1e6)
    verdicts = [feedback(3, is_true=True), feedback(1, is_true=False)]

    tests.follow(verdicts, 0.1)
    again.load(tests.dump())
    again.follow([*verdicts, feedback(4, is_true=False, entity="other")], 0.1)

    for one, other in zip(tests.dump().values(), again.dump().values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_order_of_verdicts_changes_nearly_nothing() -> None:
    levels = []
    for verdicts in ([3, 1], [1, 3]):
        tests = OnlineFdr(1.0)
        levels_at(tests, np.full(5, 1e-12), 1e6)
        for row in verdicts:
            tests.follow([feedback(row, is_true=row == 3)], 0.1)
        levels.append(levels_at(tests, np.r_[np.full(50, 0.5), 1e-12], 1e6)[50])

    assert levels[0] == pytest.approx(levels[1], rel=0.05)


def test_state_without_verdicts_is_taken_up() -> None:
    tests, old = OnlineFdr(1.0), OnlineFdr(1.0)
    levels_at(tests, np.full(5, 1e-12), 1e6)
    state: State = {"discoveries": np.asarray(tests.dump()["discoveries"])[:, :2]}

    old.load(state)

    quiet = np.r_[np.full(50, 0.5), 1e-12]
    assert levels_at(old, quiet, 1e6) == levels_at(tests, quiet, 1e6)

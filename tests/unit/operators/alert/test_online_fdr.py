from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from online_fdr.p_values.investing.lord.mem_decay import LORDMemoryDecay

from engine.domain.alert_policy import FalseDiscoveryRate
from operators.alert import online_fdr as false_discoveries
from operators.alert.online_fdr import OnlineFdr

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

    def discover(row: int, level: float) -> bool:
        found[row] = level
        return pays

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

        def discover(row: int, level: float, start: int = start) -> bool:
            found.append((start + row, level))
            return (start + row) % 2 == 0

        tests.test(POLICY, p_values[start:stop], rates[start:stop], discover)
        state = tests.dump()
    return found, state.tolist()


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

    assert tests.test(POLICY, column, np.full(5, NAN), lambda row, level: True) == 0
    assert tests.test(POLICY, column, np.full(5, 10.0), lambda row, level: True) == pytest.approx(
        0.05
    )
    assert tests.test(POLICY, column[:0], column[:0], lambda row, level: True) == 0


def test_old_discoveries_are_forgotten() -> None:
    tests = OnlineFdr(1.0)
    levels_at(tests, np.full(100, 1e-12), 1e6)

    assert len(tests.dump()) == 1 + false_discoveries.MOST_DISCOVERIES
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

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.detect.profile import ProfileBank
from operators.detectors.zscore import ZScore
from tests.unit.operators.detectors.streams import Stream, stream


def observe(bank: ProfileBank, events: Stream, cuts: list[int] | None = None) -> list[object]:
    slots, values, learn = events
    edges = [0, *sorted(cuts or []), len(slots)]
    parts = [bank.observe(slots[a:b], values[a:b], learn[a:b]) for a, b in pairwise(edges)]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def test_expected_values_are_those_before_the_event() -> None:
    values = np.array([[10.0, np.nan], [12.0, 3.0], [np.nan, np.nan], [11.0, 5.0]])
    centers, scales, filled = ProfileBank(1, 2).observe(
        np.zeros(4, np.int32), values, np.ones(4, bool)
    )

    assert np.isnan(centers[0]).all()
    assert np.isnan(centers[1, 1])
    assert centers[1, 0] == 10
    assert centers[2, 1] == 3
    assert np.isnan(scales[:2]).all()
    assert scales[2, 0] > 0
    assert np.isnan(scales[:, 1]).all(), "one value has no spread yet"
    np.testing.assert_array_equal(filled[:, 1], [0, 3, 3, 5])
    assert filled[2, 0] == centers[2, 0]
    assert np.isnan(values[2, 0]), "the batch itself keeps its gap"


def test_it_is_the_zscore() -> None:
    slots, values, _ = stream(1, 1_000, 3, 2)
    learn = np.ones(1_000, bool)
    centers, scales, _ = ProfileBank(3, 2).observe(slots, values, learn)
    scores = ZScore().create("zscore", {}, ["a", "b"]).bank(3).score(slots, values, learn)
    expected = (np.abs(values - centers) / scales).max(axis=1)
    warm = ~np.isnan(scores)

    assert warm.sum() > 800
    np.testing.assert_array_equal(scores[warm], expected[warm])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 300), max_size=5),
    at=st.integers(1, 299),
)
def test_cuts_and_a_dump_change_nothing(seed: int, cuts: list[int], at: int) -> None:
    events = stream(seed, 300, 3, 2, gaps=True)
    expected = observe(ProfileBank(3, 2), events)
    for column, same in zip(observe(ProfileBank(3, 2), events, cuts), expected, strict=True):
        np.testing.assert_array_equal(column, same)
    first, second = ProfileBank(3, 2), ProfileBank(3, 2)
    observe(first, tuple(c[:at] for c in events))  # type: ignore[arg-type]
    second.load(first.dump(np.arange(3, dtype=np.int32)))
    rest = observe(second, tuple(c[at:] for c in events))  # type: ignore[arg-type]

    for column, same in zip(rest, expected, strict=True):
        np.testing.assert_array_equal(column, same[at:])  # type: ignore[index]


def test_a_reset_slot_is_a_new_entity() -> None:
    events = stream(2, 200, 1, 1)
    bank = ProfileBank(1, 1)
    first = observe(bank, events)
    bank.reset(np.zeros(1, np.int32))
    np.testing.assert_array_equal(first, observe(bank, events))

    assert bank.bytes_per_entity == 16


def test_the_first_values_weigh_the_same() -> None:
    values = np.random.default_rng(3).normal(20, 3, (100, 1))
    values[0] = 29
    centers, scales, _ = ProfileBank(1, 1).observe(
        np.zeros(100, np.int32), values, np.ones(100, bool)
    )

    assert abs(centers[-1, 0] - 20) < 1
    assert abs(scales[-1, 0] - 3) < 1

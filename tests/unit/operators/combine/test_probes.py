from __future__ import annotations

from dataclasses import astuple
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.batch import Bools, Floats, Int32s
from operators.combine.probes import (
    PROBE_DISTANCE,
    PROBE_INTERVAL_EVENTS,
    AnomalyInjector,
    ScoringRequest,
)

Columns = tuple[Int32s, Floats, Floats, Floats, Bools]


def stream(n: int, d: int = 2, entities: int = 1, seed: int = 1) -> Columns:
    """Slots, values, the same without gaps, scales, and what is learned."""
    rng = np.random.default_rng(seed)
    values = rng.normal(20, 2, (n, d))
    slots = rng.integers(entities, size=n).astype(np.int32)
    return slots, values, values.copy(), np.full((n, d), 2.0), np.ones(n, bool)


def test_probe_moves_one_value_just_before_its_event() -> None:
    slots, values, filled, scales, learn = stream(4 * PROBE_INTERVAL_EVENTS)
    asked = AnomalyInjector(1).inject(slots, values, filled, scales, learn)

    assert asked.rows[asked.planted].tolist() == [
        PROBE_INTERVAL_EVENTS * turn - 1 for turn in (1, 2, 3, 4)
    ]
    places = np.flatnonzero(asked.planted)
    assert (asked.rows[places + 1] == asked.rows[places]).all()
    assert not asked.planted[places + 1].any()
    moved = asked.values[asked.planted] - values[asked.rows[asked.planted]]
    far = PROBE_DISTANCE * 2.0
    np.testing.assert_allclose(moved, [[-far, 0], [0, far], [0, -far], [far, 0]])
    np.testing.assert_array_equal(asked.filled, asked.values)
    np.testing.assert_array_equal(asked.values[~asked.planted], values)
    np.testing.assert_array_equal(asked.learn, ~asked.planted)


def test_unlearned_events_neither_count_nor_are_learned() -> None:
    slots, values, filled, scales, learn = stream(2 * PROBE_INTERVAL_EVENTS)
    learn[::2] = False
    asked = AnomalyInjector(1).inject(slots, values, filled, scales, learn)

    assert asked.rows[asked.planted].tolist() == [2 * PROBE_INTERVAL_EVENTS - 1]
    np.testing.assert_array_equal(asked.learn[~asked.planted], learn)


@pytest.mark.parametrize("unknown", ["values", "scales"])
def test_gaps_and_values_without_history_are_not_moved(unknown: str) -> None:
    slots, values, filled, scales, learn = stream(PROBE_INTERVAL_EVENTS, d=1)
    {"values": values, "scales": scales}[unknown][-1] = np.nan
    asked = AnomalyInjector(1).inject(slots, values, filled, scales, learn)

    assert not asked.planted.any()
    np.testing.assert_array_equal(asked.values, values)


def test_new_entity_in_a_slot_starts_again() -> None:
    columns = stream(PROBE_INTERVAL_EVENTS - 1)
    injector = AnomalyInjector(1)

    assert not injector.inject(*columns).planted.any()
    injector.reset(np.zeros(1, np.int32))
    assert not injector.inject(*columns).planted.any()
    assert injector.inject(*part(columns, 0, 1)).planted.any()


def part(columns: Columns, start: int, stop: int) -> Columns:
    slots, values, filled, scales, learn = columns
    rows = slice(start, stop)
    return slots[rows], values[rows], filled[rows], scales[rows], learn[rows]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 300), max_size=4))
def test_results_do_not_depend_on_cuts_or_snapshots(seed: int, cuts: list[int]) -> None:
    columns = stream(300, d=3, entities=2, seed=seed)
    whole = AnomalyInjector(2).inject(*columns)

    assert whole.planted.sum() >= 8
    parts: list[ScoringRequest] = []
    injector = AnomalyInjector(2)
    for start, stop in pairwise([0, *sorted(cuts), 300]):
        some = injector.inject(*part(columns, start, stop))
        parts.append(ScoringRequest(some.rows + start, *astuple(some)[1:]))
        after = AnomalyInjector(2)
        after.load(injector.dump(np.arange(2, dtype=np.int32)))
        injector = after
    joined = [np.concatenate(column) for column in zip(*map(astuple, parts), strict=True)]
    for ours, theirs in zip(joined, astuple(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)

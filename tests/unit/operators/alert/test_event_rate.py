from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.alert.event_rate import EventRate

SECOND = 1_000_000_000


def test_it_is_events_per_day() -> None:
    rates = EventRate().observe(np.arange(500) * SECOND)

    assert np.isnan(rates[:2]).all()
    assert rates[2:] == pytest.approx(np.full(498, 86_400.0))


def test_partitions_that_take_turns_share_one_budget() -> None:
    """Two partitions, each an event a second, arrive in turns of 500 events."""
    turns = np.arange(40_000).reshape(-1, 500) * SECOND
    times = np.repeat(turns, 2, axis=0).ravel()
    rates = EventRate().observe(times)

    assert rates[2_000:].max() < 1.5 * rates[2_000:].min(), "the turns do not show"
    assert np.mean(1 / rates[2_000:]) == pytest.approx(1 / (2 * 86_400), rel=0.05)


def test_it_follows_a_change_of_pace() -> None:
    slow, fast = np.arange(1_000) * SECOND, 1_000 * SECOND + np.arange(60_000) * SECOND // 10

    assert EventRate().observe(np.r_[slow, fast])[-1] == pytest.approx(864_000, rel=0.05)


def test_equal_times_have_a_rate() -> None:
    assert np.isfinite(EventRate().observe(np.full(5, 9))[2:]).all()


@settings(max_examples=25, deadline=None)
@given(
    times=st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=60), at=st.integers(0, 60)
)
def test_neither_a_cut_nor_a_dump_change_anything(times: list[int], at: int) -> None:
    column = np.array(times, np.int64)
    first, second = EventRate(), EventRate()
    head = first.observe(column[:at])
    kept = first.dump()
    first.observe(column)
    second.load(kept)
    whole = EventRate().observe(column)
    np.testing.assert_array_equal(np.r_[head, second.observe(column[at:])], whole)

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.batch import Int64s
from engine.domain.errors import SnapshotError
from operators.detect.entity_table import ESTABLISHED_EVENTS, EntityTable

DAY = 86_400 * 1_000_000_000
MINUTE = DAY // 1_440


def run(
    table: EntityTable, keys: list[str], times: Int64s, lateness: int | None = None
) -> list[tuple[float, bool, bool]]:
    """For each event its rate, whether it is late, and whether it began an entity."""
    column = np.empty(len(keys), object)
    column[:] = keys
    found = []
    for segment in table.segments(column):
        table.forget(segment.started)
        rates, _, late = table.observe(segment.slots, times[segment.rows], lateness)
        fresh, begun = set(segment.started.tolist()), []
        for slot in segment.slots.tolist():
            begun.append(slot in fresh)
            fresh.discard(slot)
        found += list(zip(rates.tolist(), late.tolist(), begun, strict=True))
        assert len(table) <= table.capacity
    return found


def idle_first(keys: list[str], capacity: int) -> list[bool]:
    """Which events begin an entity where the least recently seen go, a chunk at a time."""
    seen: dict[str, None] = {}
    begun = []
    for key in keys:
        begun.append(key not in seen)
        if key not in seen and len(seen) == capacity:
            for oldest in list(seen)[: max(1, capacity // 64)]:
                del seen[oldest]
        seen.pop(key, None)
        seen[key] = None
    return begun


def steady(n: int, gap: int = MINUTE) -> Int64s:
    return np.arange(n, dtype=np.int64) * gap


def test_an_entity_keeps_its_slot_and_shares_it_with_nobody() -> None:
    table = EntityTable(8)
    column = np.array(["a", "b", "a", "c", "b"], object)
    (segment,) = table.segments(column)

    assert segment.rows == slice(0, 5)
    a, b, again, c, b_again = segment.slots.tolist()
    assert (a, b) == (again, b_again)
    assert len({a, b, c}) == 3
    assert segment.started.tolist() == [a, b, c]
    assert segment.evicted.tolist() == []
    (second,) = table.segments(column[:3])
    assert second.slots.tolist() == [a, b, a]
    assert second.started.tolist() == []


def test_no_events_are_no_segment() -> None:
    assert list(EntityTable(2).segments(np.empty(0, object))) == []


def test_the_rate_is_known_after_two_events() -> None:
    rates = [rate for rate, _, _ in run(EntityTable(2), ["a"] * 50, steady(50))]

    assert np.isnan(rates[:2]).all()
    assert rates[2:] == pytest.approx([1_440.0] * 48)


def test_the_rate_follows_a_change_of_pace() -> None:
    times = np.r_[steady(1_000), 1_000 * MINUTE + steady(2_000, MINUTE // 10)]
    rates = [rate for rate, _, _ in run(EntityTable(2), ["a"] * 3_000, times)]

    assert rates[1_000] == pytest.approx(1_440)
    assert rates[-1] == pytest.approx(14_400, rel=0.02)


@pytest.mark.parametrize("gap", [65, 24 * 60])
@pytest.mark.parametrize("lateness", [None, 10 * MINUTE])
def test_the_rate_of_events_hours_apart_is_known(gap: int, lateness: int | None) -> None:
    rates = [r for r, _, _ in run(EntityTable(2), ["a"] * 60, steady(60, gap * MINUTE), lateness)]

    assert rates[20:] == pytest.approx([1_440 / gap] * 40)


def test_events_out_of_order_count_too() -> None:
    rng = np.random.default_rng(1)
    times = steady(4_000) + rng.integers(0, 30 * MINUTE, 4_000)
    rates = np.array([rate for rate, _, _ in run(EntityTable(2), ["a"] * 4_000, times)])

    # The budget is spent by 1 / rate: that is what must be right.
    assert np.mean(1 / rates[1_000:]) == pytest.approx(1 / 1_440, rel=0.05)


def test_a_burst_at_one_time_has_a_rate() -> None:
    rates = [rate for rate, _, _ in run(EntityTable(2), ["a"] * 5, np.full(5, 7))]

    assert np.isfinite(rates[2:]).all()


def test_late_is_older_than_the_newest_by_more_than_allowed() -> None:
    times = np.array([100, 90, 89, 100, 95, 200, 189, 190])
    late = [late for _, late, _ in run(EntityTable(1), ["a"] * 8, times, lateness=10)]

    assert late == [False, False, True, False, False, False, True, False]
    assert not any(late for _, late, _ in run(EntityTable(1), ["a"] * 8, times))
    strict = [late for _, late, _ in run(EntityTable(1), ["a"] * 8, times, lateness=0)]
    assert strict == [False, True, True, False, True, False, True, True]


def test_each_entity_has_its_own_newest_time() -> None:
    found = run(EntityTable(2), ["a", "b", "a"], np.array([100, 5, 98]), lateness=1)

    assert [late for _, late, _ in found] == [False, False, True]


def test_the_first_event_is_never_late() -> None:
    assert not run(EntityTable(1), ["a"], np.array([-5]), lateness=0)[0][1]


def test_the_idlest_goes_where_the_table_is_full() -> None:
    keys = ["a", "b", "a", "c", "a", "b"]
    begun = [begun for _, _, begun in run(EntityTable(2), keys, steady(6))]

    assert begun == [True, True, False, True, False, True]


def test_the_evicted_are_named_in_the_segment_after() -> None:
    table = EntityTable(2)
    segments = []
    for segment in table.segments(np.array(["a", "b", "c", "a"], object)):
        table.forget(segment.started)
        table.observe(segment.slots, np.zeros(len(segment.slots), np.int64), None)
        segments.append(segment)

    assert [s.rows for s in segments] == [slice(0, 2), slice(2, 3), slice(3, 4)]
    a, b = segments[0].slots.tolist()
    assert [s.evicted.tolist() for s in segments] == [[], [a], [b]]
    assert [s.started.tolist() for s in segments[1:]] == [[a], [b]]


def test_a_batch_that_begins_with_an_eviction_has_no_empty_segment() -> None:
    table = EntityTable(1)
    (segment,) = table.segments(np.array(["a"], object))
    table.observe(segment.slots, np.zeros(1, np.int64), None)
    (segment,) = table.segments(np.array(["b"], object))

    assert segment.started.tolist() == segment.evicted.tolist() == [0]


def test_a_large_table_evicts_a_chunk() -> None:
    table = EntityTable(256)
    run(table, [f"e{number}" for number in range(257)], steady(257))

    assert len(table) == 256 - 4 + 1


def send(table: EntityTable, keys: list[str]) -> None:
    run(table, keys, np.full(len(keys), DAY))


def test_a_flood_of_new_keys_displaces_an_eighth_of_the_established_entities() -> None:
    table = EntityTable(128)
    known = [f"known{number}" for number in range(128)]
    send(table, known * ESTABLISHED_EVENTS)

    send(table, [f"crafted{number}" for number in range(10_000)])

    kept = [key in table for key in known]

    assert 128 * 7 // 8 - 2 <= sum(kept) < 128
    assert kept == sorted(kept), "those idle longest went"


def test_entities_with_many_events_displace_the_idlest_of_all() -> None:
    table = EntityTable(128)
    send(table, [f"known{number}" for number in range(128)] * ESTABLISHED_EVENTS)

    for number in range(128):
        send(table, [f"later{number}"] * ESTABLISHED_EVENTS)

    # Evicted by twos: the last eviction made room for two.
    assert sum(f"later{number}" in table for number in range(128)) >= 127


def test_a_slot_taken_over_starts_again() -> None:
    found = run(EntityTable(1), ["a"] * 5 + ["b"] * 3, steady(8), lateness=0)

    assert np.isnan([rate for rate, _, _ in found[5:7]]).all()
    older = run(EntityTable(1), ["a", "b"], np.array([100, 1]), lateness=0)
    assert not older[1][1], "not late: a's time is not b's"


names = st.lists(st.integers(0, 12).map(str), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None)
@given(
    keys=names,
    capacity=st.integers(1, 14),
    cuts=st.lists(st.integers(0, 120), max_size=6),
    at=st.integers(0, 120),
    seed=st.integers(0, 1_000),
)
def test_neither_cuts_nor_a_dump_change_anything(
    keys: list[str], capacity: int, cuts: list[int], at: int, seed: int
) -> None:
    times = np.random.default_rng(seed).integers(0, 1_000, len(keys))

    def parts(table: EntityTable, edges: list[int]) -> list[tuple[float, bool, bool]]:
        pieces = itertools.pairwise(edges)
        return [row for a, b in pieces for row in run(table, keys[a:b], times[a:b], 50)]

    whole = parts(EntityTable(capacity), [0, len(keys)])
    np.testing.assert_equal([begun for _, _, begun in whole], idle_first(keys, capacity))
    cut = [min(edge, len(keys)) for edge in sorted(cuts)]
    np.testing.assert_equal(parts(EntityTable(capacity), [0, *cut, len(keys)]), whole)

    at = min(at, len(keys))
    first, second = EntityTable(capacity), EntityTable(capacity)
    head = parts(first, [0, at])
    second.load(first.dump())

    assert len(second) == len(first)
    np.testing.assert_equal(head + parts(second, [at, len(keys)]), whole)


def test_many_entities_are_evicted_in_the_order_of_their_silence() -> None:
    rng = np.random.default_rng(3)
    keys = [str(number) for number in rng.zipf(1.3, 4_000) % 400]
    found = run(EntityTable(200), keys, steady(4_000))

    assert [begun for _, _, begun in found] == idle_first(keys, 200)


@pytest.mark.parametrize("key", ["", "a\nb", '"', "Zürich/北京", "\0", "a" * 10_000])
def test_any_key_survives_a_dump(key: str) -> None:
    table, other = EntityTable(3), EntityTable(3)
    run(table, ["x", key, key], steady(3))
    other.load(table.dump())

    assert run(other, [key], steady(1)) == [(1_440.0, False, False)]


def test_what_does_not_fit_is_refused() -> None:
    table = EntityTable(3)
    run(table, ["a", "b", "c"], steady(3))

    with pytest.raises(SnapshotError, match="3 entities"):
        EntityTable(2).load(table.dump())


@pytest.mark.parametrize("ahead", [20 * 60, 10 * 366 * 1_440])
@pytest.mark.parametrize("first", [0, 1, 50])
def test_one_clock_far_ahead_makes_no_others_late(ahead: int, first: int) -> None:
    times = steady(200)
    times = np.insert(times, first, times[first] + ahead * MINUTE)

    late = [late for _, late, _ in run(EntityTable(1), ["a"] * 201, times, lateness=10 * MINUTE)]

    assert sum(late) <= 3
    assert not any(late[first + 5 :])


def test_a_jump_that_several_events_agree_on_is_believed() -> None:
    times = np.r_[steady(50), 20 * 60 * MINUTE + steady(50), [60 * MINUTE]]

    late = [late for _, late, _ in run(EntityTable(1), ["a"] * 101, times, lateness=10 * MINUTE)]

    assert late == [False] * 100 + [True]


def test_repeats_of_one_wrong_time_agree_on_nothing() -> None:
    times = np.r_[steady(50), np.full(20, 20 * 60 * MINUTE), 50 * MINUTE + steady(50)]

    late = [late for _, late, _ in run(EntityTable(1), ["a"] * 120, times, lateness=10 * MINUTE)]

    assert not any(late)


def test_a_backlog_after_settled_events_stays_late() -> None:
    times = np.r_[10 * 60 * MINUTE + steady(50), steady(50), 10 * 60 * MINUTE + steady(5)]

    late = [late for _, late, _ in run(EntityTable(1), ["a"] * 105, times, lateness=10 * MINUTE)]

    assert late[50:100] == [True] * 50
    assert not any(late[:50])


@pytest.mark.parametrize("lateness", [None, 10 * 60 * 10**9])
@pytest.mark.parametrize("seconds", [90, 3_000, 7_200, 86_400])
def test_events_far_apart_from_the_first_on_have_a_rate(seconds: int, lateness: int | None) -> None:
    table = EntityTable(1)
    times = np.arange(100, dtype=np.int64) * seconds * 10**9

    (segment,) = table.segments(np.array(["daily"] * 100, object))
    rates, _, late = table.observe(segment.slots, times, lateness)

    assert rates[-1] == pytest.approx(86_400 / seconds, rel=0.05)
    assert not late.any()

"""`event.order: event_time`: events of an entity are put in order within the lateness."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.domain.batch import EventBatch, Int64s, ScoredBatch
from engine.domain.origins import Origins, place_of
from engine.domain.pipeline import Pipeline
from operators.detect.event_order import event_bytes
from operators.detect.memory_share import entity_bytes
from operators.detect.step import DetectStep, detect_step
from tests.unit.operators.pipelines import SECOND, START, cut, events, joined, pipeline

LATENESS = 60
COLUMNS = ("centers", "scores", "p_value", "rates", "late")


def spec(lateness: int = LATENESS, **changes: Any) -> Pipeline:
    plain = pipeline(values=("a",), partitions=1, lateness=lateness * SECOND, **changes)
    return replace(plain, mapping=replace(plain.mapping, order="event_time"))


def started(chosen: Pipeline, stored: bytes | None = None) -> tuple[DetectStep, RunContext]:
    context = RunContext("plant")
    made: Any = detect_step(chosen, context)(chosen.partitions)
    if stored is not None:
        made.restore(stored)
    made.report_to(context.telemetry)
    return made, context


def metric(context: RunContext, name: str) -> float | None:
    return context.telemetry.registry.get_sample_value(f"pynomaly_{name}")


def stream(keys: list[str], seconds: Any) -> EventBatch:
    """Events whose value is the second at which they happened."""
    column = np.asarray(seconds, np.float64)
    return events(keys, column, START + (column * SECOND).astype(np.int64))


def seconds_of(found: list[ScoredBatch], key: str) -> list[float]:
    return [
        float(value)
        for part in found
        for name, value in zip(part.events.keys, part.events.values[:, 0], strict=True)
        if name == key
    ]


def by_entity(found: list[ScoredBatch], column: str) -> dict[str, list[Any]]:
    """A column of each entity's events, in the order in which they were scored."""
    rows: dict[str, list[Any]] = {}
    for part in found:
        for name, value in zip(part.events.keys, getattr(part, column).tolist(), strict=True):
            rows.setdefault(name, []).append(value)
    return rows


def test_events_within_the_lateness_are_put_in_order() -> None:
    step, _ = started(spec())

    found = step.process([stream(["a"] * 6, [0, 30, 10, 20, 40, 120])])

    assert seconds_of(found, "a") == [0, 10, 20, 30, 40]
    assert seconds_of(step.quiet(inf), "a") == [120]
    assert not joined(found, "late").any()


def test_what_comes_too_late_goes_on_at_once_and_is_not_learned_from() -> None:
    step, context = started(spec())
    twin, _ = started(spec())
    head = stream(["a"] * 20, range(0, 200, 10))

    found = step.process([head]) + step.process([stream(["a"] * 3, [5, 200, 250])])
    without = twin.process([head]) + twin.process([stream(["a"] * 2, [200, 250])])

    late = np.flatnonzero(joined(found, "late"))
    assert joined(found, "late").sum() == 1
    assert metric(context, "late_events_total") == 1
    assert seconds_of(found, "a")[late[0]] == 5
    ours = np.delete(joined(found, "centers"), late, axis=0)
    np.testing.assert_array_equal(ours, joined(without, "centers"))


def test_one_entity_with_a_wild_clock_harms_no_other_and_not_itself() -> None:
    step, context = started(spec())
    keys, seconds = ["a", "b"] * 200, np.repeat(np.arange(200) * 10, 2)
    seconds[100] += 10**8

    found = step.process([stream(keys, seconds)]) + step.quiet(inf)

    assert metric(context, "late_events_total") == 0
    assert seconds_of(found, "b") == sorted(seconds_of(found, "b"))
    honest = [second for second in seconds_of(found, "a") if second < 10**8]
    assert honest == sorted(honest)
    assert len(seconds_of(found, "a")) == 200


def test_says_how_many_events_of_an_entity_wait_after_a_restart_too() -> None:
    step, _ = started(spec())
    step.process([stream(["a", "a", "b", "a"], [10, 20, 25, 30])])

    resumed, _ = started(spec(), step.dump())

    assert [step.waiting(key) for key in "abc"] == [3, 1, 0]
    assert [resumed.waiting(key) for key in "abc"] == [3, 1, 0]
    assert resumed.report("b") is None


def test_an_entity_whose_clock_is_behind_is_in_order_as_well() -> None:
    step, context = started(spec())
    keys, seconds = ["a", "b"] * 100, np.repeat(np.arange(100) * 10, 2)
    seconds[1::2] -= 86_400
    seconds[[101, 103]] = seconds[[103, 101]]

    found = step.process([stream(keys, seconds)]) + step.quiet(inf)

    assert seconds_of(found, "b") == sorted(seconds_of(found, "b"))
    assert metric(context, "late_events_total") == 0


def test_an_entity_that_has_fallen_silent_is_released_by_the_others() -> None:
    step, _ = started(spec())

    early = step.process([stream(["gone", "a", "gone"], [0, 1, 2])])
    later = step.process([stream(["a"] * 12, range(10, 130, 10))])

    assert seconds_of(early, "gone") == []
    assert seconds_of(later, "gone") == [0, 2]


def test_a_silence_or_a_drain_is_no_end_and_what_waits_is_kept() -> None:
    step, context = started(spec())
    step.process([stream(["a", "a"], [0, 10])])

    again, _ = started(spec(), step.dump())

    assert step.quiet(3_600.0) == []
    assert metric(context, "waiting_events") == 2
    assert seconds_of(again.process([stream(["a"], [100])]), "a") == [0, 10]


def test_memory_bounds_what_waits_and_the_events_that_could_not_are_counted() -> None:
    chosen = spec(3_600)
    chosen = replace(chosen, memory_bytes=8 * 10 * event_bytes(chosen))
    step, context = started(chosen)

    found = step.process([stream(["a"] * 50, range(50))])

    assert len(seconds_of(found, "a")) == 40
    assert metric(context, "order_forced_events_total") == 40
    assert metric(context, "waiting_events") == 10


def test_events_keep_their_places_in_messages() -> None:
    step, _ = started(spec())
    batch = stream(["a"] * 3, [10, 0, 70])
    batch = replace(batch, indices=np.array([0, 1, 2], np.int32))

    (found,) = step.process([batch])

    assert found.events.indices is not None
    assert found.events.indices.tolist() == [1, 0]
    assert found.events.offsets.tolist() == [1, 0]


def test_events_that_wait_keep_their_origins_over_a_restart() -> None:
    step, _ = started(spec())
    batch = stream(["a"] * 3, [10, 0, 70])
    places = np.array([place_of(part, 5) for part in range(3)])
    step.process([replace(batch.take(slice(0, 2)), origins=Origins("raw", places[:2]))])

    again, _ = started(spec(), step.dump())
    last = replace(batch.take(slice(2, 3)), origins=Origins("raw", places[2:]))
    (found,) = again.process([last])

    assert [found.events.origin(row) for row in range(2)] == [("raw", 1, 5), ("raw", 0, 5)]


def test_without_it_nothing_waits() -> None:
    chosen = spec()
    plain = replace(chosen, mapping=replace(chosen.mapping, order="arrival"))
    step, _ = started(plain)

    found = step.process([stream(["a"] * 3, [0, 30, 10])])

    assert seconds_of(found, "a") == [0, 30, 10]
    assert entity_bytes(chosen) > entity_bytes(plain)


def shuffled(seed: int, n: int, entities: int, spread: int) -> EventBatch:
    """Events of some entities, out of order by less than the lateness."""
    rng = np.random.default_rng(seed)
    keys = [f"e{number}" for number in rng.integers(entities, size=n)]
    seconds = np.arange(n) * 3
    arrival = np.argsort(seconds + rng.integers(0, spread, n), kind="stable")
    return stream([keys[k] for k in arrival], seconds[arrival])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), entities=st.integers(1, 6))
@example(seed=174, entities=5)
def test_a_shuffled_stream_gives_the_results_of_the_ordered_one(seed: int, entities: int) -> None:
    mixed = shuffled(seed, 400, entities, LATENESS)
    ordered = mixed.take(np.argsort(mixed.times, kind="stable"))

    one, two = started(spec())[0], started(spec())[0]
    ours = one.process([mixed]) + one.quiet(inf)
    theirs = two.process([ordered]) + two.quiet(inf)

    for column in ("centers", "scores", "p_value", "late"):
        mine, other = by_entity(ours, column), by_entity(theirs, column)
        assert mine.keys() == other.keys()
        for key in mine:
            np.testing.assert_array_equal(mine[key], other[key], f"{column} of {key}")


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    at=st.integers(1, 399),
    capacity=st.integers(2, 6),
)
def test_neither_cuts_nor_a_snapshot_change_anything(
    seed: int, cuts: list[int], at: int, capacity: int
) -> None:
    batch = shuffled(seed, 400, 6, 3 * LATENESS)
    chosen = spec()
    chosen = replace(chosen, memory_bytes=capacity * 8 * entity_bytes(chosen) // 7 + 8)

    step, _ = started(chosen)
    whole = step.process([batch]) + step.quiet(inf)
    other, _ = started(chosen)
    parts = [one for part in cut(batch, cuts) for one in other.process([part])] + other.quiet(inf)
    first, _ = started(chosen)
    head = first.process([batch.take(slice(0, at))])
    second, _ = started(chosen, first.dump())
    tail = second.process([batch.take(slice(at, None))]) + second.quiet(inf)

    for found in (parts, head + tail):
        assert offsets(found).tolist() == offsets(whole).tolist()
        for column in COLUMNS:
            np.testing.assert_array_equal(joined(found, column), joined(whole, column), column)


def offsets(found: list[ScoredBatch]) -> Int64s:
    return np.concatenate([part.events.offsets for part in found])


@pytest.mark.parametrize("order", ["up", "down", "mixed"])
def test_many_events_that_wait_are_all_given_once(order: str) -> None:
    seconds = {
        "up": np.arange(5_000.0),
        "down": np.arange(5_000.0)[::-1],
        "mixed": np.random.default_rng(1).permutation(np.arange(5_000.0)),
    }[order]
    step, _ = started(spec(86_400, memory_bytes=2**26))

    found = [
        one for part in cut(stream(["a"] * 5_000, seconds), [2_000]) for one in step.process([part])
    ]
    found += step.quiet(inf)

    assert sorted(seconds_of(found, "a")) == sorted(seconds.tolist())
    assert seconds_of(found, "a") == sorted(seconds.tolist())

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.domain.batch import Floats
from engine.domain.pipeline import Pipeline
from operators.detect.counters import CounterBank
from operators.detect.step import detect_step
from tests.unit.operators.pipelines import SECOND, cut, events, joined, pipeline

NAN = np.nan


def rates(counts: Any, times: Any, learn: Any = None) -> Floats:
    n = len(counts)
    values = np.column_stack([np.asarray(counts, np.float64), np.full(n, 7.0)])
    when = np.asarray(times, np.int64) * SECOND
    learns = np.full(n, True) if learn is None else np.asarray(learn)
    found = CounterBank(1, [0]).rates(np.zeros(n, np.int32), values, when, learns)
    assert (found[:, 1] == 7.0).all(), "what is not a counter stays"
    column: Floats = found[:, 0]
    return column


def test_a_counter_becomes_its_rate_a_second() -> None:
    np.testing.assert_array_equal(rates([100, 110, 140], [0, 10, 20]), [NAN, 1, 3])


def test_a_fall_is_a_reset_to_zero() -> None:
    np.testing.assert_array_equal(rates([100, 20, 30], [0, 10, 20]), [NAN, 2, 1])


def test_a_gap_is_bridged_by_the_mean_rate() -> None:
    np.testing.assert_array_equal(rates([100, NAN, 140], [0, 10, 20]), [NAN, NAN, 2])


def test_equal_times_lose_no_count() -> None:
    np.testing.assert_array_equal(rates([100, 110, 130], [0, 0, 10]), [NAN, NAN, 3])


def test_what_is_late_is_not_noted() -> None:
    found = rates([100, 50, 120], [10, 5, 20], [True, False, True])

    np.testing.assert_array_equal(found, [NAN, NAN, 2])


def test_a_clock_that_was_ahead_is_given_up() -> None:
    found = rates([1, 2, 3, 4, 5], [9_999, 10, 11, 12, 13])

    np.testing.assert_array_equal(found, [NAN, NAN, NAN, NAN, 1])


def counting() -> Pipeline:
    spec = pipeline()
    values = tuple(replace(value, counter=value.name == "a") for value in spec.mapping.values)
    return replace(spec, mapping=replace(spec.mapping, values=values))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(1, 599), min_size=1, max_size=4))
def test_rates_do_not_depend_on_batches_and_restarts(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    keys = [f"k{k}" for k in rng.integers(3, size=600)]
    counts = rng.integers(0, 9, (600, 2)).cumsum(axis=0) % 700
    batch, spec = events(keys, counts), counting()
    whole = detect_step(spec, RunContext("plant"))(4).process([batch])

    step, parts = detect_step(spec, RunContext("plant"))(4), []
    for part in cut(batch, cuts):
        parts += step.process([part])
        stored = step.dump()
        step = detect_step(spec, RunContext("plant"))(4)
        step.restore(stored)

    assert np.isfinite(joined(whole, "p_value")).any()
    np.testing.assert_array_equal(joined(parts, "p_value"), joined(whole, "p_value"))

"""`state.idle_after`: entities that have not sent for so long are forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.domain.absence import AbsenceRule
from engine.domain.alert_policy import Budget
from engine.domain.batch import EventBatch, ScoredBatch
from engine.domain.incident import Change, IncidentEvent
from engine.domain.pipeline import Pipeline
from operators.alert.step import alert_step
from operators.detect.memory_share import entity_bytes
from operators.detect.step import DetectStep, detect_step
from tests.unit.operators.pipelines import SECOND, START, cut, events, joined, pipeline

MINUTE = 60 * SECOND
COLUMNS = ("centers", "scores", "p_value", "rates", "pipeline_rates", "late")


def spec(after: int = 10 * MINUTE, **changes: Any) -> Pipeline:
    return pipeline(values=("a",), partitions=1, idle_after=after, **changes)


def stream(keys: list[str], seconds: Any, seed: int = 1) -> EventBatch:
    values = np.random.default_rng(seed).normal(20, 2, len(keys))
    return events(keys, values, START + np.asarray(seconds, np.int64) * SECOND)


def turns(first: int, last: int, keys: list[str], every: int = 10) -> tuple[list[str], list[int]]:
    """Entities that all send every so many seconds."""
    seconds = list(range(first, last, every))
    return keys * len(seconds), [second for second in seconds for _ in keys]


def started(chosen: Pipeline, stored: bytes | None = None) -> tuple[DetectStep, RunContext]:
    context = RunContext("plant")
    made: Any = detect_step(chosen, context)(chosen.partitions)
    if stored is not None:
        made.restore(stored)
    made.report_to(context.telemetry)
    return made, context


def forgotten(context: RunContext) -> float | None:
    return context.telemetry.registry.get_sample_value("pynomaly_forgotten_entities_total")


def test_an_entity_idle_for_so_long_is_forgotten_and_counted() -> None:
    step, context = started(spec())
    here, first = turns(0, 600, ["here", "gone"])
    on, later = turns(600, 1_800, ["here"])

    step.process([stream(here + on, first + later)])

    assert step.entities() == ["here"]
    assert forgotten(context) == 1
    assert context.telemetry.registry.get_sample_value("pynomaly_entities") == 1


def test_one_that_comes_back_begins_again() -> None:
    step, _ = started(spec())
    both, first = turns(0, 2_000, ["here", "back"])
    on, later = turns(2_000, 3_000, ["here"])

    (before,) = step.process([stream(both, first)])
    found = step.process([stream([*on, "back"], [*later, 3_000])])

    assert not np.isnan(before.centers[-1]).any()
    assert np.isnan(found[-1].centers[-1]).all()
    assert sorted(step.entities()) == ["back", "here"]


def test_a_shorter_silence_is_no_reason() -> None:
    step, context = started(spec())
    both, first = turns(0, 600, ["here", "slow"])
    on, later = turns(600, 1_150, ["here"])

    step.process([stream([*both, *on, "slow"], [*first, *later, 1_150])])

    assert forgotten(context) == 0


def test_a_pause_of_all_is_no_reason() -> None:
    step, context = started(spec())
    keys, seconds = turns(0, 600, ["a", "b"])
    again, later = turns(90_000, 90_300, ["a"])

    step.process([stream(keys + again, seconds + later)])

    assert forgotten(context) == 0


def test_the_memory_is_free_for_others() -> None:
    small = spec()
    small = replace(small, memory_bytes=entity_bytes(small) * 2)
    step, context = started(small)
    keys, seconds = turns(0, 600, ["here", "gone"])
    on, later = turns(600, 1_800, ["here"])

    step.process([stream([*keys, *on, "new", "here"], [*seconds, *later, 1_800, 1_800])])

    assert step.entities() == ["here", "new"]
    assert context.telemetry.registry.get_sample_value("pynomaly_evictions_total") == 0


def test_state_of_before_it_was_asked_for_ages_from_then_on() -> None:
    keys, seconds = turns(0, 600, ["here", "gone"])
    before, _ = started(replace(spec(), idle_after=None))
    before.process([stream(keys, seconds)])
    on, later = turns(600, 1_100, ["here"])
    more, latest = turns(1_100, 2_000, ["here"])

    step, context = started(spec(), before.dump())
    step.process([stream(on, later)])
    at_first = forgotten(context)
    step.process([stream(more, latest)])

    assert at_first == 0
    assert forgotten(context) == 1


def test_an_entity_costs_eight_bytes_more() -> None:
    assert entity_bytes(spec()) == entity_bytes(replace(spec(), idle_after=None)) + 8


@pytest.mark.parametrize("rule", [AbsenceRule(5 * MINUTE), AbsenceRule()])
def test_an_absence_ends_where_its_entity_is_forgotten(rule: AbsenceRule) -> None:
    budget = Budget(10.0)
    chosen = spec(6 * 3_600 * SECOND, absence=rule, alert=budget, incident_events=True)
    step, context = started(chosen)
    alert = alert_step(chosen, context)(1)
    keys, seconds = turns(0, 3_600, ["a", "b", "c", "gone"])
    on, later = turns(3_600, 36_000, ["a", "b", "c"])

    scored = step.process([stream(keys + on, seconds + later)])
    published = [one for found in alert.process(scored) for one in found]
    changes = [one.change for one in published if isinstance(one, IncidentEvent)]

    absences = [one for part in scored for one in part.absences]
    assert [(one.entity, one.is_over) for one in absences] == [("gone", False), ("gone", True)]
    assert changes == [Change.OPEN, Change.CLOSE]


def assert_same(ours: list[ScoredBatch], theirs: list[ScoredBatch]) -> None:
    for column in COLUMNS:
        np.testing.assert_array_equal(joined(ours, column), joined(theirs, column), column)
    published = [
        [replace(one, row=0, p_value=0) for part in parts for one in part.absences]
        for parts in (ours, theirs)
    ]
    assert published[0] == published[1]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 600), max_size=6),
    at=st.integers(0, 600),
    capacity=st.integers(2, 8),
)
def test_neither_cuts_nor_a_snapshot_change_anything(
    seed: int, cuts: list[int], at: int, capacity: int
) -> None:
    rng = np.random.default_rng(seed)
    # Phases of other entities, so that some are forgotten, and some of those come back.
    phases = [rng.choice(8, size=3, replace=False) for _ in range(6)]
    keys = [f"e{rng.choice(phase)}" for phase in phases for _ in range(100)]
    batch = stream(keys, np.cumsum(rng.integers(0, 20, 600)), seed)
    rule = AbsenceRule(2 * MINUTE)
    chosen = spec(12 * MINUTE, absence=rule)
    chosen = replace(chosen, memory_bytes=capacity * entity_bytes(chosen))

    step, context = started(chosen)
    whole = step.process([batch])
    other, _ = started(chosen)
    parts = [one for part in cut(batch, cuts) for one in other.process([part])]

    assert_same(parts, whole)
    first, before = started(chosen)
    head = [one for part in cut(batch, [at])[: 1 if at else 0] for one in first.process([part])]
    second, after = started(chosen, first.dump())
    tail = second.process([batch.take(slice(at, None))]) if at < len(batch) else []
    assert_same(head + tail, whole)
    assert (forgotten(before) or 0) + (forgotten(after) or 0) == forgotten(context)

"""What is published of incidents: as they open, change and close."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext, TaskStep
from engine.domain.absence import Absence
from engine.domain.alert_policy import Budget, PValueThreshold
from engine.domain.anomaly import Anomaly
from engine.domain.batch import ScoredBatch
from engine.domain.incident import IncidentEvent
from engine.domain.incident_schema import INCIDENT_SCHEMA
from engine.domain.pipeline import Pipeline
from engine.domain.value_rule import ValueRule
from operators.alert.step import alert_step
from operators.publish_incidents import incident_record, incident_step
from tests.unit.application.config.schema_check import fits
from tests.unit.operators.pipelines import SECOND, START, events, pipeline, scored

GAP = 600
BAD = 1e-9


def spec(**changes: Any) -> Pipeline:
    """Incidents close after ten minutes; entities are judged one event a second."""
    return pipeline(alert=PValueThreshold(1e-6), incident_events=True, **changes)


def batch_of(rows: list[tuple[str, int, float]]) -> ScoredBatch:
    """Events by key, second and p-value."""
    keys = [key for key, _, _ in rows]
    times = START + np.array([second for _, second, _ in rows]) * SECOND
    batch = events(keys, np.full((len(rows), 2), 20.0), times)
    rates = np.full(len(rows), 86_400.0)
    return scored(batch, [p for _, _, p in rows], rates=rates, progress=times)


def step_of(chosen: Pipeline, stored: bytes | None = None) -> TaskStep:
    made = alert_step(chosen, RunContext("plant"))(chosen.partitions)
    if stored is not None:
        made.restore(stored)
    return made


def published(step: TaskStep, *batches: ScoredBatch) -> list[IncidentEvent]:
    items = [item for batch in batches for item in step.process([batch])]
    return [event for item in items for event in item if isinstance(event, IncidentEvent)]


def brief(found: list[IncidentEvent]) -> list[tuple[str, str, int]]:
    return [(event.change.value, event.entity, event.count) for event in found]


def test_an_incident_opens_and_closes_by_event_time() -> None:
    found = published(step_of(spec()), batch_of([("a", 0, BAD), ("a", 601, 0.5), ("a", 602, 0.5)]))

    assert brief(found) == [("open", "a", 1), ("close", "a", 1)]
    opened, closed = found
    assert opened.id == closed.id == opened.peak.anomaly
    assert (opened.time, closed.time) == (START, START + GAP * SECOND)
    assert (opened.number, closed.number) == (0, 1)


def test_event_time_of_others_closes_the_incident_of_one_that_is_silent() -> None:
    found = published(step_of(spec()), batch_of([("a", 0, BAD), ("b", 300, 0.5), ("b", 700, 0.5)]))

    assert brief(found) == [("open", "a", 1), ("close", "a", 1)]


def test_nothing_is_reported_where_nobody_asks() -> None:
    step = step_of(replace(spec(), incident_events=False))

    assert published(step, batch_of([("a", 0, BAD), ("a", 601, 0.5)])) == []


def test_publishes_an_incident_once_until_it_changes() -> None:
    rows = [("a", second, BAD) for second in range(7)]

    found = published(step_of(spec()), batch_of(rows))

    assert brief(found) == [("open", "a", 1)]


def test_a_count_that_doubles_is_reported() -> None:
    rows = [("a", second, BAD) for second in range(40)]

    found = published(step_of(spec()), batch_of(rows))

    assert brief(found) == [("open", "a", 1), *(("update", "a", n) for n in (8, 16, 32))]


def test_a_stronger_peak_and_a_higher_severity_are_reported() -> None:
    rows = [("a", 0, 5e-7), ("a", 1, 4e-7), ("a", 2, 1e-7), ("a", 3, 1e-30)]

    found = published(step_of(spec()), batch_of(rows))

    severities = [(event.change.value, event.severity.value) for event in found]

    assert severities == [("open", "minor"), ("update", "major"), ("update", "critical")]
    assert found[-1].peak.p_value == 1e-30
    assert found[-1].peak.time == START + 3 * SECOND


def test_severity_rises_as_it_lasts_and_falls_as_it_fades() -> None:
    """It lasts after 60 usual gaps; ten anomalies in a row that are less severe lower it."""
    lasting = [("a", second, 5e-7) for second in range(0, 80, 5)]
    short = [("b", 0, 1e-30), *(("b", second, 5e-7) for second in range(1, 25))]

    risen = published(step_of(spec()), batch_of(lasting))
    fallen = published(step_of(spec()), batch_of(short))

    assert [event.severity.value for event in risen][-1] == "major"
    severities = [event.severity.value for event in fallen if event.count != 8]
    assert severities == ["critical", "major", "major", "minor"]


def test_values_and_detectors_to_blame_have_shares() -> None:
    batch = batch_of([("a", 0, BAD), ("a", 1, BAD)])
    batch.events.values[:] = [[60, 20], [20, 60]]
    ranged = spec(rules=(ValueRule(high=50.0), None))

    found = published(step_of(ranged), batch, batch_of([("a", 900, 0.5)]))

    assert found[-1].values == (("a", 0.5), ("b", 0.5))
    assert found[-1].detectors == (("valid_range", 0.5), ("zscore", 0.5))
    assert found[-1].kinds == ("out_of_range", "outlier")


def test_anomalies_that_are_no_messages_count() -> None:
    budget = replace(spec(), alert=Budget(10.0, scope="entity"))

    step = step_of(budget)
    found = published(step, batch_of([("a", second, 1e-20) for second in range(9)]))

    assert brief(found) == [("open", "a", 1), ("update", "a", 8)]


def test_an_anomaly_after_the_close_opens_another_incident() -> None:
    rows = [("a", 0, BAD), ("b", 700, 0.5), ("a", 701, BAD)]

    found = published(step_of(spec()), batch_of(rows))

    assert brief(found) == [("open", "a", 1), ("close", "a", 1), ("open", "a", 1)]
    assert found[0].id != found[2].id


def test_an_incident_goes_on_where_event_time_lags_behind_the_one_before() -> None:
    """After a gap the progress of event time comes on by strides: the old incident is open yet."""
    batch = batch_of([("a", 0, BAD), *(("a", 5_000 + second, BAD) for second in range(6))])

    assert batch.progress is not None
    lagging = replace(batch, progress=np.minimum(batch.progress, START + 60 * SECOND))

    found = published(step_of(spec()), lagging)

    assert brief(found) == [("open", "a", 1), ("close", "a", 1), ("open", "a", 1)]


def test_the_longest_untouched_of_too_many_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operators.alert.incidents.MOST_INCIDENTS", 2)
    rows = [("a", 0, BAD), ("b", 1, BAD), ("a", 2, BAD), ("c", 3, BAD)]

    found = published(step_of(spec()), batch_of(rows))

    assert brief(found)[-1] == ("close", "b", 1)


def test_a_silent_source_closes_by_the_clock_on_the_wall_without_changing_anything() -> None:
    step = step_of(spec())
    published(step, batch_of([("a", 0, BAD)]))
    before = step.dump()

    early, late, again = (step.quiet(wait) for wait in (599.0, 600.0, 900.0))  # type: ignore[attr-defined]

    assert early == again == []
    assert brief(late[0]) == [("close", "a", 1)]
    assert step.dump() == before
    by_event_time = published(step, batch_of([("a", 601, 0.5)]))
    assert by_event_time == late[0], "event time says the same"


def test_an_incident_that_goes_on_after_it_was_closed_by_the_wall_is_published_as_open() -> None:
    step = step_of(spec())
    published(step, batch_of([("a", 0, BAD)]))
    step.quiet(float("inf"))  # type: ignore[attr-defined]

    found = published(step, batch_of([("a", 5, BAD)]))

    assert brief(found) == [("update", "a", 2)]


def test_overlapping_incidents_of_a_group_are_one_story() -> None:
    rows = [("x/1", 0, BAD), ("x/2", 10, 1e-20), ("y/1", 20, BAD), ("z", 30, BAD)]

    found = published(step_of(spec(group_by=0)), batch_of([*rows, ("z", 640, 0.5)]))

    stories = {event.entity: event.story for event in found if event.change.value == "open"}
    first, second = stories["x/1"], stories["x/2"]

    assert first is not None
    assert second is not None
    assert first.id == second.id == first.root == found[0].id
    assert second.root_entity == "x/1"
    assert second.strongest == next(event.id for event in found if event.entity == "x/2")
    assert (first.incidents, second.incidents) == (1, 2)
    assert stories["y/1"] != first


def test_a_story_ends_with_its_last_incident() -> None:
    rows = [("x/1", 0, BAD), ("x/2", 700, BAD)]

    found = published(step_of(spec(group_by=0)), batch_of(rows))

    ids = {event.story.id for event in found if event.story is not None}

    assert len(ids) == 2


def absent(key: str, second: int, row: int) -> Absence:
    """An entity that has sent nothing for a minute, noticed at an event."""
    silence = 60 * SECOND
    return Absence(row, key, False, 1e-9, silence, START + (second - 60) * SECOND, 0, 0)


def test_one_that_is_gone_for_good_is_not_the_root_of_all_that_comes_later() -> None:
    batch = batch_of([("x/1", 60, BAD), ("x/2", 10_000, BAD), ("x/3", 10_010, BAD)])
    first, second = take(batch, slice(0, 1)), take(batch, slice(1, 3))
    before = step_of(spec(group_by=0))

    found = published(before, replace(first, absences=[absent("x/0", 60, 0)]))
    after = step_of(spec(group_by=0), before.dump())
    found += published(after, second)

    roots = {one.entity: one.story.root_entity for one in found if one.story is not None}
    assert roots == {"x/0": "x/0", "x/1": "x/0", "x/2": "x/2", "x/3": "x/2"}


def stream(seed: int, n: int) -> ScoredBatch:
    rng = np.random.default_rng(seed)
    seconds = rng.choice([1, 5, 40, 700], n, p=[0.5, 0.3, 0.15, 0.05]).cumsum()
    keys = [f"g{k % 2}/{k}" for k in rng.integers(0, 5, n)]
    p_values = 10 ** -rng.choice([0.5, 6.5, 8.0, 12.0], n, p=[0.6, 0.2, 0.1, 0.1])
    return batch_of([*zip(keys, seconds.tolist(), p_values.tolist(), strict=True)])


def take(batch: ScoredBatch, rows: slice) -> ScoredBatch:
    columns = ("centers", "scales", "scores", "p_values", "p_value", "rates", "late", "progress")
    parts = {name: getattr(batch, name)[rows] for name in columns}
    return replace(batch, events=batch.events.take(rows), **parts)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 149), max_size=6))
def test_no_cut_and_no_restart_changes_what_is_reported(seed: int, cuts: list[int]) -> None:
    whole = stream(seed, 150)
    grouped = spec(group_by=0)
    at_once = published(step_of(grouped), whole)

    parts: list[IncidentEvent] = []
    stored: bytes | None = None
    edges = [0, *sorted(cuts), 150]
    for start, stop in itertools.pairwise(edges):
        if start == stop:
            continue
        step = step_of(grouped, stored)
        parts += published(step, take(whole, slice(start, stop)))
        stored = step.dump()

    assert parts == at_once
    assert len({event.event_id for event in at_once}) == len(at_once)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_incident_has_one_opening_and_at_most_one_close_in_order(seed: int) -> None:
    found = published(step_of(spec(group_by=0)), stream(seed, 200))

    for own in {event.id for event in found}:
        changes = [event.change.value for event in found if event.id == own]
        assert changes[0] == "open"
        assert changes.count("open") == 1
        assert "close" not in changes[:-1]
        assert [event.number for event in found if event.id == own] == [*range(len(changes))]


def test_incidents_are_published_by_the_schema() -> None:
    found = published(step_of(spec(group_by=0)), stream(1, 200))

    records = incident_step(spec(), RunContext("plant"))(found)

    assert {event.change.value for event in found} == {"open", "update", "close"}
    for record, event in zip(records, found, strict=True):
        document = orjson.loads(record.value or b"")
        assert fits(document, INCIDENT_SCHEMA, INCIDENT_SCHEMA), document
        assert set(document) == set(INCIDENT_SCHEMA["properties"]), "no field is undescribed"
        assert record.key == event.id.encode(), "a compacted topic keeps the last of each"
        assert record == incident_record(event)
        assert sum(part["share"] for part in document["values"]) == pytest.approx(1)
    assert len({record.id for record in records}) == len(records)


def test_anomalies_name_their_incident() -> None:
    step = step_of(spec())
    items = step.process([batch_of([("a", 0, BAD), ("a", 1, BAD)])])

    anomalies = [one for item in items for one in item if isinstance(one, Anomaly)]
    opened = next(one for item in items for one in item if isinstance(one, IncidentEvent))

    assert {anomaly.incident for anomaly in anomalies} == {opened.id}

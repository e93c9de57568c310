from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.application.telemetry import Telemetry
from engine.domain.batch import EventBatch, ScoredBatch
from engine.domain.errors import SnapshotError
from operators.detect import KeyGroup, detect_step, entity_bytes
from tests.unit.operators.stream import MAPPING, events, pipeline

BOTH = ("zscore", "half_space_trees")


def table(batches: list[ScoredBatch]) -> np.ndarray:
    columns = [
        np.column_stack([b.scores, b.p_values, b.p_value, b.rates, b.late, b.centers, b.scales])
        for b in batches
    ]
    return np.concatenate(columns)


def cut(batch: EventBatch, places: list[int]) -> list[EventBatch]:
    edges = [0, *sorted(places), len(batch)]
    pairs = zip(edges[:-1], edges[1:], strict=True)
    return [batch.take(slice(a, b)) for a, b in pairs if b > a]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 599), max_size=6), st.sampled_from([2**26, 20_000]))
def test_other_cuts_and_a_restart_change_nothing(places: list[int], memory: int) -> None:
    # 20,000 bytes a pipeline: two entities a key group, so that evictions are frequent.
    rules = pipeline(detectors=BOTH, memory_bytes=memory)
    stream = events(600, entities=7)
    expected = table(KeyGroup(rules, Telemetry()).score(stream))
    group, found = KeyGroup(rules, Telemetry()), []
    for part in cut(stream, places):
        found += group.score(part)
        stored = group.dump()
        group = KeyGroup(rules, Telemetry())
        group.restore(stored)
    np.testing.assert_array_equal(table(found), expected)


def test_scores_appear_after_warm_up_and_an_outlier_stands_out() -> None:
    stream = events(1_000, entities=2)
    stream.values[900, 0] = 60.0
    scored = table(KeyGroup(pipeline(), Telemetry()).score(stream))
    assert np.isnan(scored[:15, 2]).all()
    assert np.nanargmin(scored[:, 2]) == 900
    assert scored[900, 2] < 1e-8


def test_idle_entities_are_evicted_first_and_counted() -> None:
    rules = pipeline()
    rules = dataclasses.replace(rules, memory_bytes=entity_bytes(rules) * 2 * rules.key_groups)
    telemetry = Telemetry()
    group = KeyGroup(rules, telemetry)
    names = ["a"] * 200 + ["b"] * 200 + ["a", "c", "a"]
    stream = events(len(names))
    stream.keys[:] = names
    scored = np.concatenate([batch.p_value for batch in group.score(stream)])
    value = telemetry.registry.get_sample_value
    assert value("pynomaly_evictions_total") == 1
    assert value("pynomaly_entities") == 2
    assert value("pynomaly_state_bytes") == 2 * entity_bytes(rules)
    assert not np.isnan(scored[-1]), "a was busy and had to stay"


def test_late_events_are_scored_but_not_learned() -> None:
    rules = pipeline(mapping=dataclasses.replace(MAPPING, lateness=5_000_000_000))
    stream = events(400, entities=1)
    late = stream.take(np.array([399]))
    late.times[0] = 0
    late.values[0] = 1e6
    group, telemetry = KeyGroup(rules, Telemetry()), Telemetry()
    group = KeyGroup(rules, telemetry)
    group.score(stream)
    (first,) = group.score(late)
    (second,) = group.score(late)
    assert first.late.tolist() == [True]
    assert first.scores[0, 0] == second.scores[0, 0] > 100
    assert telemetry.registry.get_sample_value("pynomaly_late_events_total") == 2


def test_an_event_of_gaps_only_has_no_score() -> None:
    stream = events(300, entities=1, gaps=0)
    stream.values[250] = np.nan
    scored = table(KeyGroup(pipeline(detectors=BOTH), Telemetry()).score(stream))
    assert np.isnan(scored[250, :2]).all()
    assert not np.isnan(scored[251, :2]).any()


def test_the_step_resumes_from_its_snapshot() -> None:
    rules, context = pipeline(), RunContext("test")
    stream = events(500)
    whole = detect_step(rules, context)(None)
    expected, keep = whole.on_batch([stream])
    assert keep is False
    first = detect_step(rules, context)(None)
    first.on_batch([stream.take(slice(0, 200))])
    second = detect_step(rules, context)(first.snapshot())
    found, _ = second.on_batch([stream.take(slice(200, 300)), stream.take(slice(300, 500))])
    np.testing.assert_array_equal(table(list(found)), table(list(expected))[200:])


def test_state_of_other_detectors_is_refused_by_name() -> None:
    stored = KeyGroup(pipeline(), Telemetry()).dump()
    with pytest.raises(SnapshotError, match="half_space_trees"):
        KeyGroup(pipeline(detectors=BOTH), Telemetry()).restore(stored)


def test_state_that_outgrew_the_budget_says_what_to_raise() -> None:
    group = KeyGroup(pipeline(), Telemetry())
    group.score(events(100, entities=50))
    with pytest.raises(SnapshotError, match="state.memory"):
        KeyGroup(pipeline(memory_bytes=10_000), Telemetry()).restore(group.dump())


def test_entities_do_not_influence_each_other() -> None:
    stream = events(900, entities=6)
    mine = np.flatnonzero(stream.keys == "k3")
    together = table(KeyGroup(pipeline(detectors=BOTH), Telemetry()).score(stream))[mine]
    alone = table(KeyGroup(pipeline(detectors=BOTH), Telemetry()).score(stream.take(mine)))
    np.testing.assert_array_equal(together, alone)

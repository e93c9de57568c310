from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application import registry
from engine.application.ports import RunContext, TaskStep
from engine.domain import snapshot
from engine.domain.absence import AbsenceRule
from engine.domain.batch import Bools, EventBatch, Floats, Int32s, Int64s, ScoredBatch
from engine.domain.detector import SnapshotForm, State
from engine.domain.errors import SnapshotError
from engine.domain.pipeline import Calibration, Pipeline
from operators.detect.memory_share import entity_bytes
from operators.detect.step import detect_step
from tests.unit.operators.pipelines import SECOND, START, cut, events, joined, noise, pipeline

COLUMNS = ("centers", "scales", "scores", "p_values", "p_value", "rates", "late")


class Sum:
    """A detector that cannot take gaps, and reports troubles."""

    name = "sum"
    bytes_per_entity = 8
    handles_gaps = False
    resolution = 0.1
    snapshot: SnapshotForm = "bytes"

    def bank(self, capacity: int) -> SumBank:
        return SumBank(capacity)


class SumBank:
    def __init__(self, capacity: int) -> None:
        self.learned = np.zeros(capacity)
        self.troubles: dict[str, int] = {}

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        assert np.isfinite(values).all(), "a gap reached a detector that cannot take it"
        np.add.at(self.learned, slots[learn], 1)
        self.troubles = {"refits": 2, "fit_failed": 1}
        return np.asarray(values.sum(axis=1))

    def reset(self, slots: Int32s) -> None:
        self.learned[slots] = 0

    def dump(self, slots: Int32s) -> State:
        return {"learned": self.learned[slots]}

    def load(self, state: State) -> None:
        learned = np.asarray(state["learned"])
        self.learned[: len(learned)] = learned

    def failures(self) -> Mapping[str, int]:
        found, self.troubles = self.troubles, {}
        return found


def step_of(spec: Pipeline, stored: bytes | None = None, context: Any = None) -> TaskStep:
    context = context or RunContext("plant")
    made = detect_step(spec, context)(spec.partitions)
    if stored is not None:
        made.restore(stored)
    made.report_to(context.telemetry)
    return made


def run(step: TaskStep, *batches: EventBatch) -> list[ScoredBatch]:
    return [scored for batch in batches for scored in step.process([batch])]


def metric(context: RunContext, name: str, **labels: str) -> float | None:
    return context.telemetry.registry.get_sample_value(f"pynomaly_{name}", labels)


def offsets(parts: list[ScoredBatch]) -> Int64s:
    return np.concatenate([part.events.offsets for part in parts])


def assert_same(ours: list[ScoredBatch], theirs: list[ScoredBatch]) -> None:
    for column in COLUMNS:
        np.testing.assert_array_equal(joined(ours, column), joined(theirs, column), column)
    np.testing.assert_array_equal(offsets(ours), offsets(theirs))


def test_a_fault_is_rare_and_the_rest_is_not() -> None:
    batch = noise(1, 6_000)
    batch.values[5_000] = [20, 60]
    (scored,) = run(step_of(pipeline()), batch)

    assert scored.p_value[5_000] < 1e-9
    others = np.delete(scored.p_value, 5_000)
    assert np.nanmin(others) > 1e-9
    assert np.isnan(others[:300]).all()
    assert not np.isnan(others[1_000:]).any()
    assert scored.centers[5_000] == pytest.approx([20, 20], abs=1)
    assert scored.scales[5_000] == pytest.approx([2, 2], abs=0.5)


def test_batches_of_one_activation_are_scored_in_their_order() -> None:
    batch = noise(2, 900)
    together = step_of(pipeline()).process(cut(batch, [100, 500]))

    assert_same(together, run(step_of(pipeline()), batch))

    assert type(together) is list


def two_detectors() -> Pipeline:
    zscore = registry.detector_family("zscore").create("zscore", {"warm_up": 5}, ["a", "b"])
    small = Calibration(window=32, relearn_after=5)
    return pipeline(detectors=(zscore, Sum()), combine="cauchy", calibration=small)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 500), max_size=6),
    at=st.integers(0, 500),
    capacity=st.integers(1, 4),
)
def test_neither_cuts_nor_a_snapshot_change_anything(
    seed: int, cuts: list[int], at: int, capacity: int
) -> None:
    rng = np.random.default_rng(seed)
    spec = two_detectors()
    mapping = replace(spec.mapping, lateness=3 * SECOND)
    memory = spec.partitions * capacity * entity_bytes(spec)
    spec = replace(spec, mapping=mapping, memory_bytes=memory)
    # Long turns of each entity, so that some get warm before they are evicted.
    keys = np.repeat([f"e{number}" for number in rng.integers(4, size=5)], 100)
    values = rng.normal(5, 1, (500, 2))
    values[rng.random((500, 2)) < 0.1] = np.nan
    times = START + (np.arange(500) + rng.integers(0, 6, 500)) * SECOND
    batch = events(keys.tolist(), values, times)
    whole = run(step_of(spec), batch)

    assert np.isfinite(joined(whole, "p_value")).sum() > 100
    assert_same(run(step_of(spec), *cut(batch, cuts)), whole)

    first = step_of(spec)
    head = run(first, *cut(batch, [at])[: 1 if at else 0])
    stored = first.dump()
    second = step_of(spec, stored)
    assert second.dump() == stored
    assert_same(head + run(second, batch.take(slice(at, None))), whole)


def test_gaps_are_filled_for_detectors_that_cannot_take_them() -> None:
    batch = noise(3, 1_000)
    batch.values[500:, 0] = np.nan
    (scored,) = run(step_of(pipeline(detectors=(Sum(),))), batch)
    expected = scored.centers[600, 0] + batch.values[600, 1]

    assert scored.scores[600, 0] == pytest.approx(expected)
    assert np.isnan(batch.values[500:, 0]).all(), "the event keeps its gap"


def test_an_event_without_any_value_has_no_score_and_teaches_nothing() -> None:
    batch = noise(4, 1_200, entities=1)
    empty = [600, 601, 1_199]
    batch.values[empty] = np.nan
    context, spec = RunContext("plant"), two_detectors()
    step = step_of(spec, context=context)
    scored = run(step, batch)
    for column in ("scores", "p_values", "p_value"):
        assert np.isnan(joined(scored, column)[empty]).all()

    assert metric(context, "warming_entities") == 0, "it stays warm"
    assert snapshot.decode("detect", step.dump())["1.sum/learned"] == [1_197]
    rest = batch.take(np.delete(np.arange(1_200), empty))
    without = run(step_of(spec), rest)
    scores = np.delete(joined(scored, "p_values"), empty, axis=0)
    np.testing.assert_array_equal(scores, joined(without, "p_values"))


def test_late_events_are_scored_and_not_learned() -> None:
    spec = pipeline(lateness=10 * SECOND)
    batch = noise(5, 1_000, entities=1)
    old = events(["press-0"] * 300, np.full((300, 2), 45.0), np.full(300, START), first=5_000)
    more = events(["press-0"] * 50, batch.values[:50], first=1_000)
    context = RunContext("plant")
    scored = run(step_of(spec, context=context), batch, old, more)

    assert scored[1].late.all()
    assert not scored[2].late.any()
    assert (scored[1].p_value < 1e-4).all(), "scored, and still as strange as the first"
    assert metric(context, "late_events_total") == 300
    without = run(step_of(spec), batch, more)
    for column in ("centers", "scales", "scores", "p_value"):
        np.testing.assert_array_equal(getattr(scored[2], column), getattr(without[1], column))


def test_values_beyond_reason_break_nothing() -> None:
    batch = noise(6, 2_000, entities=1)
    batch.values[500:900:7] = 1e308
    batch.values[501:900:7] = -1e308
    batch.values[502:900:7] = 5e-324
    (scored,) = run(step_of(pipeline()), batch)
    finite = scored.p_value[~np.isnan(scored.p_value)]

    assert ((finite > 0) & (finite <= 1)).all()
    assert len(finite) > 1_500


def test_memory_bounds_the_entities() -> None:
    spec = pipeline()
    spec = replace(spec, memory_bytes=spec.partitions * entity_bytes(spec) * 5)
    context = RunContext("plant")
    step = step_of(spec, context=context)
    run(step, noise(7, 500, entities=20))

    assert metric(context, "entities") == 5
    assert metric(context, "state_bytes") == 5 * entity_bytes(spec)
    assert metric(context, "evictions_total") == 500 - 5 - count_known(noise(7, 500, 20), 5)
    tiny = step_of(replace(spec, memory_bytes=1))
    assert len(run(tiny, noise(7, 50, entities=3))) > 1, "one entity at a time"


def count_known(batch: EventBatch, capacity: int) -> int:
    """Events whose entity is among the last `capacity` ones seen."""
    seen: list[str] = []
    known = 0
    for key in batch.keys:
        known += key in seen
        seen = [key, *(other for other in seen if other != key)][:capacity]
    return known


def test_every_event_is_counted_once() -> None:
    context = RunContext("plant")
    run(step_of(pipeline(), context=context), *cut(noise(8, 1_000), [1, 400]))
    scored, warming = (
        metric(context, "scored_events_total"),
        metric(context, "warming_events_total"),
    )

    assert scored is not None
    assert warming is not None
    assert scored + warming == 1_000
    assert warming == pytest.approx(3 * 130, abs=3)


def test_gauges_sum_over_the_partitions_of_a_process() -> None:
    context, spec = RunContext("plant"), pipeline()
    first, second = step_of(spec, context=context), step_of(spec, context=context)
    run(first, noise(9, 900, entities=2))
    run(second, *cut(noise(10, 90, entities=3), [1]))

    assert metric(context, "entities") == 5
    assert metric(context, "warming_entities") == 3
    assert metric(context, "state_bytes") == 5 * entity_bytes(spec)


def test_a_task_that_is_let_go_is_not_counted_any_more() -> None:
    context, spec = RunContext("plant"), pipeline()
    first, second = step_of(spec, context=context), step_of(spec, context=context)
    run(first, noise(9, 900, entities=2))
    run(second, noise(10, 90, entities=3))

    first.leave()

    assert metric(context, "entities") == 3
    assert metric(context, "warming_entities") == 3
    assert metric(context, "state_bytes") == 3 * entity_bytes(spec)


def test_nothing_is_counted_while_events_come_for_the_second_time() -> None:
    context = RunContext("plant")
    step = detect_step(pipeline(), context)(1)
    step.process([noise(9, 500)])

    step.report_to(context.telemetry)

    assert metric(context, "entities") == 3
    assert metric(context, "scored_events_total") == 0


def test_an_entity_of_two_partitions_is_counted_and_reported_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    context = RunContext("plant")
    make = detect_step(pipeline(), context)
    first, second = make(2), make(2)
    run(first, events(["a", "b", "a"], [[1, 2]] * 3))

    run(second, events(["c", "a", "a", "b"], [[1, 2]] * 4))

    assert metric(context, "split_entities_total") == 2
    warnings = [text for text in caplog.messages if "comes from several partitions" in text]
    assert len(warnings) == 1
    assert "Key the messages by what event.key reads" in warnings[0]


def test_gauges_are_right_after_a_restart() -> None:
    spec, context = pipeline(), RunContext("plant")
    step = step_of(spec)
    run(step, noise(11, 600, entities=3))
    step_of(spec, step.dump(), context)

    assert metric(context, "entities") == 3
    assert metric(context, "warming_entities") == 0


def test_a_smaller_share_of_memory_keeps_those_that_spoke_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    spec = replace(pipeline(), partitions=2)
    spec = replace(spec, memory_bytes=8 * entity_bytes(spec))
    first = step_of(spec)
    run(first, events(["a", "b", "c", "d", "a"], [[1, 2]] * 5))
    context = RunContext("plant")

    more = step_of(replace(spec, partitions=4), first.dump(), context)

    assert metric(context, "entities") == 2
    assert "2 entities idle longest are evicted" in caplog.text
    (known, other) = run(more, events(["a", "d"], [[1, 2]] * 2), events(["b"], [[1, 2]]))
    assert np.isfinite(known.centers).all()
    assert np.isnan(other.centers).all()


def test_an_evicted_entity_warms_up_again() -> None:
    spec = pipeline()
    spec = replace(spec, memory_bytes=spec.partitions * entity_bytes(spec))
    context = RunContext("plant")
    step = step_of(spec, context=context)
    run(step, noise(12, 500, entities=1))

    assert metric(context, "warming_entities") == 0
    (other,) = run(step, events(["other"], [[1.0, 2.0]]))
    assert np.isnan(other.p_value).all()
    assert np.isnan(other.centers).all()
    (other,) = run(step, events(["other"], [[1.0, 2.0]]))
    assert np.isnan(other.rates).all(), "one event has no rate"
    assert metric(context, "warming_entities") == 1


def test_what_detectors_report_is_counted() -> None:
    context = RunContext("plant")
    step = step_of(pipeline(detectors=(Sum(),)), context=context)
    run(step, noise(13, 10), noise(14, 10))

    assert metric(context, "refits_total", detector="sum") == 4
    failures = metric(context, "detector_failures_total", detector="sum", kind="fit_failed")
    assert failures == 2


def stored_by(spec: Pipeline) -> bytes:
    step = step_of(spec)
    run(step, noise(15, 1_200, entities=4))
    return step.dump()


def test_state_of_another_shape_is_refused() -> None:
    with pytest.raises(SnapshotError, match="recent"):
        step_of(pipeline(calibration=Calibration(window=64)), stored_by(pipeline()))


def test_takes_up_a_full_state_of_before_entities_became_larger(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = replace(pipeline(absence=AbsenceRule()), partitions=1)
    before = replace(watched, absence=None)
    limit = 60 * entity_bytes(before)
    full = step_of(replace(before, memory_bytes=limit))
    stream = noise(15, 6_000, entities=60)
    run(full, stream)
    last = str(stream.keys[-1])
    context = RunContext("plant")

    step = step_of(replace(watched, memory_bytes=limit), full.dump(), context)

    fitting = limit // entity_bytes(watched)
    assert 40 < fitting < 60
    assert metric(context, "entities") == fitting
    assert metric(context, "evictions_total") == 60 - fitting
    assert f"{60 - fitting} entities idle longest are evicted: 60 of a partition" in caplog.text
    (scored,) = run(step, events([last], [[20.0, 20.0]], first=6_000))
    assert np.isfinite(scored.centers).all(), "the entity that sent last is kept"


def test_other_values_start_afresh() -> None:
    context = RunContext("plant")
    step_of(
        pipeline(values=("a", "b", "c"), mapping_fingerprint="3"), stored_by(pipeline()), context
    )

    assert metric(context, "entities") == 0


@pytest.mark.parametrize(("stored_print", "goes_on"), [("print", True), ("other", False)])
def test_a_detector_goes_on_where_it_is_the_same_and_a_new_one_starts_afresh(
    stored_print: str, goes_on: bool
) -> None:
    (zscore,) = pipeline().detectors
    before = replace(pipeline(), detector_fingerprints=(stored_print,))
    after = pipeline(detectors=(Sum(), zscore), detector_fingerprints=("new", "print"))
    step = step_of(after, stored_by(before))
    (scored,) = run(step, noise(16, 1, entities=1))

    assert np.isnan(scored.p_values[0, 0])
    assert np.isnan(scored.p_values[0, 1]) != goes_on
    assert np.isfinite(scored.centers).all(), "the profile goes on in any case"


def test_state_of_another_kind_is_refused() -> None:
    with pytest.raises(SnapshotError, match='kind "alert"'):
        step_of(pipeline(), snapshot.encode("alert", {}))


def test_a_flood_is_worked_on_with_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operators.detect.step.BATCH_EVENTS", 100)
    spoken: list[int] = []
    context = RunContext("p")
    monkeypatch.setattr(context.heartbeat, "busy", lambda: spoken.append(1))
    whole = noise(1, 1_000)
    found = detect_step(pipeline(), context)(4).process(cut(whole, list(range(30, 1_000, 30))))
    expected = detect_step(pipeline(), RunContext("p"))(4).process([whole])
    np.testing.assert_array_equal(joined(found, "scores"), joined(expected, "scores"))

    assert len(spoken) == 9

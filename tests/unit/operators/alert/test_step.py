from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application import registry
from engine.application.ports import RunContext, TaskStep
from engine.domain import snapshot
from engine.domain.alert_policy import (
    Budget,
    FalseDiscoveryRate,
    PValueThreshold,
    ScoreThreshold,
    Severity,
)
from engine.domain.anomaly import Anomaly, Origin, anomaly_id
from engine.domain.batch import ScoredBatch
from engine.domain.errors import SnapshotError
from engine.domain.pipeline import Pipeline
from operators.alert import incidents
from operators.alert.step import alert_step
from tests.unit.operators.pipelines import SECOND, START, events, pipeline, scored

NAN = np.nan


def step_of(spec: Pipeline, stored: bytes | None = None, context: Any = None) -> TaskStep:
    context = context or RunContext("plant")
    made = alert_step(spec, context)(spec.partitions)
    if stored is not None:
        made.restore(stored)
    made.report_to(context.telemetry)
    return made


def run(step: TaskStep, *batches: ScoredBatch) -> list[Anomaly]:
    return [anomaly for batch in batches for item in step.process([batch]) for anomaly in item]


def rows(anomalies: list[Anomaly]) -> list[int]:
    return [anomaly.origin.offset for anomaly in anomalies]


def steady(p_values: Any, key: str = "press", gap: int = SECOND, **changes: Any) -> ScoredBatch:
    n = len(p_values)
    batch = events([key] * n, np.full((n, 2), 20.0), START + np.arange(n) * gap)
    return scored(batch, p_values, **changes)


def two_detectors(**changes: Any) -> Pipeline:
    family = registry.detector_family("zscore")
    pair = tuple(family.create("zscore", {}, ["a", "b"]) for _ in range(2))
    pair[1].name = "other"
    return pipeline(detectors=pair, **changes)


def test_a_p_value_at_the_threshold_alerts() -> None:
    spec = pipeline(alert=PValueThreshold(1e-6))
    found = run(step_of(spec), steady([0.5, 1e-6, 1.1e-6, 1e-9, NAN]))

    assert rows(found) == [1, 3]
    assert [anomaly.threshold for anomaly in found] == [1e-6, 1e-6]


def test_nothing_is_emitted_where_nothing_is_found() -> None:
    assert step_of(pipeline()).process([steady([0.5]), steady([NAN])]) == []


def test_each_batch_with_anomalies_is_one_item() -> None:
    batches = [steady([1e-9, 1e-9]), steady([0.5]), steady([1e-9])]
    emitted = step_of(pipeline()).process(batches)

    assert [len(item) for item in emitted] == [2, 1]


def test_an_entity_spends_its_own_budget() -> None:
    """2 a day at 100,000 events a day: p <= 2e-5; nothing while the rate is unknown."""
    rates = np.array([1e5, 1e5, NAN, 10, 10])
    batch = steady([2e-5, 3e-5, 1e-300, 1e-2, 2e-2], rates=rates)
    found = run(step_of(pipeline(alert=Budget(2.0, scope="entity"))), batch)

    assert rows(found) == [0], "the other is of the same incident"
    assert found[0].threshold == pytest.approx(2e-5)


def test_a_threshold_is_never_above_max_p_value() -> None:
    batch = steady([2e-2, 1e-2], rates=np.array([10.0, 10.0]))

    found = run(step_of(pipeline(alert=Budget(2.0, scope="entity"))), batch)

    assert rows(found) == [1]
    assert found[0].threshold == 1e-2


def test_a_task_spends_its_share_of_the_pipelines_budget() -> None:
    """4 partitions, 8 a day, 86,400 events a day in this one: 2 / 86,400 = 2.3e-5."""
    spec = pipeline(alert=Budget(8.0), partitions=4)
    p_values = np.full(100, 0.5)
    p_values[0], p_values[50], p_values[51] = 1e-12, 2.3e-5, 2.4e-5
    rates = np.full(100, 100.0)
    rates[0] = NAN
    batch = replace(steady(p_values, rates=rates), pipeline_rates=np.full(100, 86_400.0))

    found = run(step_of(spec), batch)

    assert rows(found) == [50], "and nothing before two events were seen"
    assert found[0].threshold == pytest.approx(2 / 86_400)


def test_what_the_budget_promised_is_reported_beside_what_was_spent() -> None:
    """2 a day at 1,000 events a day: 0.002 an event, once it has a rate and is scored."""
    rates = np.array([NAN, 1e3, 1e3, 1e3, 1e3])
    context = RunContext("plant")
    run(
        step_of(pipeline(alert=Budget(2.0, scope="entity")), context=context),
        steady([0.5, NAN, 0.5, 0.001, 0.003], rates=rates),
    )
    sample = context.telemetry.registry.get_sample_value

    assert sample("pynomaly_alerts_expected_total") == pytest.approx(3 * 0.002)
    assert sample("pynomaly_alerts_emitted_total") == 1


def test_gauges_show_the_threshold_in_force_and_the_rate_of_events() -> None:
    """10 a day in 86,400 events of one entity, which may use 0.1 of it: p <= 0.1 / 86,400."""
    context = RunContext("plant")
    rates = np.full(5, 86_400.0)
    batch = replace(steady([0.5, NAN, 0.5, 0.5, 0.5], rates=rates), pipeline_rates=rates)

    step = step_of(pipeline(alert=Budget(10.0), partitions=1), context=context)
    run(step, batch)

    sample = context.telemetry.registry.get_sample_value

    assert sample("pynomaly_event_rate_per_second") == pytest.approx(1.0)
    assert sample("pynomaly_alert_threshold_p_value") == pytest.approx(0.1 / 86_400)
    assert sample("pynomaly_alerts_expected_per_second") == pytest.approx(0.1 / 86_400)


def test_gauges_are_sums_over_tasks_and_without_those_that_left() -> None:
    context = RunContext("plant")
    spec = pipeline(alert=Budget(10.0), partitions=2)
    tasks = [step_of(spec, context=context) for _ in range(2)]
    for task, rate in zip(tasks, (864_000.0, 86_400.0), strict=True):
        rates = np.full(5, rate)
        run(task, replace(steady([0.5] * 5, rates=rates / 100), pipeline_rates=rates))

    sample = context.telemetry.registry.get_sample_value

    assert sample("pynomaly_event_rate_per_second") == pytest.approx(11.0)
    assert sample("pynomaly_alerts_expected_per_second") == pytest.approx(10 / 86_400)

    tasks[0].leave()

    assert sample("pynomaly_event_rate_per_second") == pytest.approx(1.0)


def test_a_raw_score_has_a_rate_and_no_threshold() -> None:
    context = RunContext("plant")
    rates = np.full(5, 86_400.0)
    batch = replace(steady([0.5] * 5, rates=rates), pipeline_rates=rates)

    run(step_of(pipeline(alert=ScoreThreshold("zscore", 6.0)), context=context), batch)

    sample = context.telemetry.registry.get_sample_value

    assert sample("pynomaly_event_rate_per_second") == pytest.approx(1.0)
    assert sample("pynomaly_alert_threshold_p_value") == 0


def test_normal_data_spends_about_an_entitys_budget() -> None:
    """30 days of an event every ten seconds, p-values as they should be; budget 5 a day."""
    n = 30 * 8_640
    p_values = np.random.default_rng(1).random(n)
    spec = pipeline(alert=Budget(5.0, scope="entity"), partitions=1)
    batch = steady(p_values, gap=10 * SECOND, rates=np.full(n, 8_640.0))

    assert len(run(step_of(spec), batch)) == pytest.approx(150, abs=40)


def test_an_incident_pays_for_later_discoveries_once() -> None:
    spec = pipeline(alert=FalseDiscoveryRate(0.1), partitions=1)
    lasting, apart = np.full((2, 3_000), 0.5)
    lasting[1_000:1_005], apart[[1_000, 2_000]] = 1e-12, 1e-12
    once, twice = run(step_of(spec), steady(lasting)), run(step_of(spec), steady(apart))

    assert rows(once) == [1_000, 1_001, 1_002, 1_003, 1_004]
    assert {anomaly.incident for anomaly in once} == {once[0].id}
    # What the incident itself paid fades, and its rows add nothing.
    levels = [anomaly.threshold or 0 for anomaly in once]
    assert levels[1] > 10 * levels[0]
    assert levels[1:] == sorted(levels[1:], reverse=True)
    assert rows(twice) == [1_000, 2_000]


def test_the_share_of_false_alarms_is_over_all_entities_of_a_group() -> None:
    spec = pipeline(alert=FalseDiscoveryRate(0.1), partitions=1)
    p_values = np.full(2_000, 0.5)
    p_values[1_500], p_values[1_510] = 1e-12, 1e-4
    alone = run(step_of(spec), steady(p_values))

    assert rows(alone) == [1_500, 1_510], "the first pays for the second"
    p_values[1_500] = 0.5
    assert rows(run(step_of(spec), steady(p_values))) == []


def test_the_share_of_false_alarms_promises_by_day_and_incident() -> None:
    context = RunContext("plant")
    spec = pipeline(alert=FalseDiscoveryRate(0.1), partitions=1)
    n = 2 * 8_640
    p_values = np.full(n, 0.5)
    p_values[[9_000, 9_001, 15_000]] = 1e-12

    assert len(run(step_of(spec, context=context), steady(p_values, gap=10 * SECOND))) == 3
    sample = context.telemetry.registry.get_sample_value
    assert sample("pynomaly_alerts_expected_total") == pytest.approx(0.1 * (2 + 2), rel=0.01)
    assert sample("pynomaly_alerts_emitted_total") == 2


def test_discoveries_outlive_a_restart_and_another_policy() -> None:
    spec = pipeline(alert=FalseDiscoveryRate(0.1), partitions=1)
    p_values = np.full(2_000, 0.5)
    p_values[900], p_values[1_010] = 1e-12, 1e-9
    whole = steady(p_values)
    first, second = (
        replace(steady(p_values[part]), events=whole.events.take(part))
        for part in (slice(0, 1_000), slice(1_000, 2_000))
    )
    unbroken = [anomaly.threshold for anomaly in run(step_of(spec), first, second)]
    step = step_of(spec)

    assert [anomaly.threshold for anomaly in run(step, first)] == unbroken[:1]
    stored = step.dump()
    assert [anomaly.threshold for anomaly in run(step_of(spec, stored), second)] == unbroken[1:]
    other = step_of(pipeline(alert=PValueThreshold(1e-6), partitions=1), stored)
    stored = other.dump()
    assert [anomaly.threshold for anomaly in run(step_of(spec, stored), second)] == unbroken[1:]
    parts = snapshot.decode("alert", stored)
    del parts["discoveries"]
    (afresh,) = run(step_of(spec, snapshot.encode("alert", parts)), second)
    assert afresh.threshold != unbroken[1], "the state of a release that had none"


def test_a_raw_score_above_the_number_alerts() -> None:
    spec = two_detectors(alert=ScoreThreshold("other", 8.0))
    scores = np.array([[99.0, 8.0], [0.0, 8.1], [99.0, NAN], [0.0, 9.0]])
    p_values = np.array([[0.5, 0.5], [0.5, 1e-8], [1e-9, NAN], [NAN, NAN]])
    found = run(step_of(spec), steady(p_values, scores=scores))

    assert rows(found) == [1, 3]
    assert [anomaly.threshold for anomaly in found] == [None, None]
    assert [anomaly.p_value for anomaly in found] == [1e-8, 1.0], "unknown is not evidence"
    assert [anomaly.severity for anomaly in found] == [Severity.CRITICAL, Severity.MINOR]
    assert [anomaly.score for anomaly in found] == [pytest.approx(0.8), 0.0]


def test_severity_says_how_far_beyond_the_threshold() -> None:
    found = run(step_of(pipeline()), steady([1e-6, 0.9e-7, 0.9e-9]))
    grades = [anomaly.severity for anomaly in found]

    assert grades == [Severity.MINOR, Severity.MAJOR, Severity.CRITICAL]


def test_an_anomaly_says_all_there_is() -> None:
    batch = events(["press"], [[26.0, 22.0]], [START], first=77)
    spec = two_detectors()
    marks = scored(batch, [[1e-8, NAN]], scores=np.array([[5.0, NAN]]), late=np.array([True]))
    (anomaly,) = run(step_of(spec), marks)
    origin = Origin("readings", 0, 77)

    assert anomaly.origin == origin
    assert anomaly.id == anomaly_id("plant", "1a2b", origin) == anomaly.incident
    assert (anomaly.entity, anomaly.time, anomaly.timestamp) == ("press", START, START + 5)
    assert anomaly.p_value == 1e-8
    assert anomaly.score == pytest.approx(0.8)
    assert anomaly.late
    assert (anomaly.pipeline, anomaly.pipeline_version) == ("plant", "1a2b")
    first, second = anomaly.detectors
    assert (first.detector, first.score, first.p_value) == ("zscore", 5.0, 1e-8)
    assert (second.detector, second.score, second.p_value) == ("other", None, None)
    assert (first.weight, second.weight) == (1.0, None)


def test_detectors_count_alike_unless_weights_were_learned() -> None:
    table = [[1e-8, 1e-7]]
    (anomaly,) = run(step_of(two_detectors()), steady(table))

    assert [part.weight for part in anomaly.detectors] == [0.5, 0.5]
    learned = steady(table, weights=np.array([[0.05, 0.95]]))
    context = RunContext("plant")
    (anomaly,) = run(step_of(two_detectors(), context=context), learned)
    assert [part.weight for part in anomaly.detectors] == [0.05, 0.95]
    counted = context.telemetry.registry.get_sample_value
    labels = {"detector": "other", "severity": anomaly.severity.value}
    assert counted("pynomaly_anomalies_total", labels) == 1, "strongest by what it counts"


def parts(values: list[float], **changes: Any) -> list[tuple[Any, ...]]:
    names = tuple(f"v{number}" for number in range(len(values)))
    batch = scored(events(["press"], [values]), [1e-9], **changes)
    (anomaly,) = run(step_of(pipeline(values=names)), batch)
    return [
        (part.value, part.contribution, part.expected_low, part.expected_high)
        for part in anomaly.values
    ]


def test_a_contribution_is_a_share_of_the_squared_deviation() -> None:
    assert parts([26.0, 18.0]) == [(26.0, 0.9, 14.0, 26.0), (18.0, 0.1, 14.0, 26.0)]


def test_a_gap_contributes_nothing() -> None:
    assert parts([NAN, 26.0]) == [(None, 0.0, 14.0, 26.0), (26.0, 1.0, 14.0, 26.0)]


def test_without_history_the_shares_are_equal_and_nothing_is_expected() -> None:
    unknown = np.full((1, 2), NAN)
    expected = [(26.0, 0.5, None, None), (18.0, 0.5, None, None)]

    assert parts([26.0, 18.0], centers=unknown, scales=unknown) == expected
    assert parts([26.0, 18.0], scales=unknown) == expected
    half = np.array([[2.0, NAN]])
    assert parts([26.0, 18.0], scales=half)[0] == (26.0, 1.0, 14.0, 26.0)


def test_no_deviation_at_all_is_shared_equally() -> None:
    assert [share for _, share, _, _ in parts([20.0] * 4)] == [0.25] * 4


@pytest.mark.parametrize("huge", [1e200, -1.7e308])
def test_absurd_deviations_still_sum_to_one(huge: float) -> None:
    shares = [share for _, share, _, _ in parts([huge, 21.0, huge])]

    assert shares == [pytest.approx(0.5), pytest.approx(0.0), pytest.approx(0.5)]


def sparse(minutes: list[float], key: str = "press", first: int = 0) -> ScoredBatch:
    """Anomalies only, at these minutes."""
    times = [START + int(minute * 60) * SECOND for minute in minutes]
    batch = events([key] * len(minutes), np.full((len(minutes), 2), 25.0), times, first=first)
    return scored(batch, np.full(len(minutes), 1e-9), rates=np.full(len(minutes), 14_400.0))


def test_anomalies_close_in_time_share_an_incident() -> None:
    """The gap is 10 minutes: 0, 5, 15 are a run, 26 begins one."""
    found = run(step_of(pipeline()), sparse([0, 5, 15, 26, 30]))
    first, last = found[0].id, found[3].id

    assert [anomaly.incident for anomaly in found] == [first, first, first, last, last]
    assert len({anomaly.id for anomaly in found}) == 5


def test_entities_have_their_own_incidents() -> None:
    step = step_of(pipeline())
    found = run(step, sparse([0]), sparse([1], "pump", 1), sparse([2], first=2))

    assert [found[0].id, found[1].id, found[0].id] == [anomaly.incident for anomaly in found]


def test_what_comes_late_belongs_to_the_open_incident() -> None:
    found = run(step_of(pipeline()), sparse([20, 18, 29]))

    assert {anomaly.incident for anomaly in found} == {found[0].id}


def test_state_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "MOST_INCIDENTS", 3)
    step = step_of(pipeline())
    for number in range(5):
        run(step, sparse([number], f"e{number % 4}", number))
    kept = snapshot.decode("alert", step.dump())["incidents"]

    assert isinstance(kept, bytes)
    assert set(orjson.loads(kept)) == {"e0", "e2", "e3"}, "e1 was not continued for longest"
    size = len(step.dump())
    run(step, *(sparse([5], f"f{number}", number) for number in range(50)))
    assert len(step.dump()) < size + 60


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 200), max_size=5),
    at=st.integers(0, 200),
    scope=st.sampled_from(["entity", "pipeline"]),
)
def test_neither_cuts_nor_a_snapshot_change_anything(
    seed: int, cuts: list[int], at: int, scope: str
) -> None:
    rng = np.random.default_rng(seed)
    keys = [f"e{number}" for number in rng.integers(3, size=200)]
    times = START + np.cumsum(rng.integers(0, 300, 200)) * SECOND
    batch = scored(
        events(keys, rng.normal(20, 3, (200, 2)), times),
        10 ** -rng.uniform(0, 8, 200),
        rates=rng.uniform(10, 1e5, 200),
    )

    def take(a: int, b: int) -> ScoredBatch:
        columns = ("centers", "scales", "scores", "p_values", "p_value", "rates", "late")
        cut_columns = {name: getattr(batch, name)[a:b] for name in columns}
        return replace(batch, events=batch.events.take(slice(a, b)), **cut_columns)

    spec = pipeline(alert=Budget(50.0, scope=scope, max_p_value=1e-2))
    whole = run(step_of(spec), batch)

    assert whole
    edges = [0, *sorted(cuts), 200]
    pieces = [take(a, b) for a, b in itertools.pairwise(edges)]
    assert run(step_of(spec), *pieces) == whole
    first = step_of(spec)
    head = run(first, take(0, at))
    stored = first.dump()
    second = step_of(spec, stored)
    assert second.dump() == stored
    assert head + run(second, take(at, 200)) == whole


def test_anomalies_are_counted_by_strongest_detector_and_severity() -> None:
    context = RunContext("plant")
    table = [[1e-10, 1e-3], [1e-3, 1e-8], [NAN, 1e-8]]
    run(step_of(two_detectors(), context=context), steady(table))
    registry = context.telemetry.registry
    counted = [
        registry.get_sample_value("pynomaly_anomalies_total", {"detector": d, "severity": s})
        for d, s in (("zscore", "critical"), ("other", "major"))
    ]

    assert counted == [1, 2]


def test_state_of_another_kind_is_refused() -> None:
    with pytest.raises(SnapshotError, match='kind "detect"'):
        step_of(pipeline(), snapshot.encode("detect", {}))

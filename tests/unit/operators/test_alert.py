from __future__ import annotations

import dataclasses

import numpy as np
import orjson
import pytest

from engine.application.ports import RunContext
from engine.domain.alert_policy import Budget, PValueThreshold, ScoreThreshold, Severity
from engine.domain.anomaly import Anomaly
from engine.domain.batch import ScoredBatch
from engine.domain.pipeline import Pipeline
from engine.domain.reject import Reject, RejectReason
from operators.alert import alert_step
from operators.publish import anomaly_record, anomaly_step, reject_step, score_step
from tests.unit.operators.stream import events, pipeline

MINUTE = 60_000_000_000


def scored(p_values: list[float], rate: float = 86_400.0) -> ScoredBatch:
    n = len(p_values)
    batch = events(n, entities=1, gaps=0)
    p_value = np.array(p_values)
    return ScoredBatch(
        events=batch,
        centers=np.full((n, 2), 10.0),
        scales=np.ones((n, 2)),
        scores=p_value[:, None] * -1 + 9,
        p_values=p_value[:, None],
        p_value=p_value,
        rates=np.full(n, rate),
        late=np.zeros(n, np.bool_),
    )


def alarms(rules: Pipeline, batch: ScoredBatch) -> list[Anomaly]:
    found, _ = alert_step(rules, RunContext("test"))(None).on_batch([batch])
    return [anomaly for anomalies in found for anomaly in anomalies]


def test_a_budget_decides_by_the_entitys_own_rate() -> None:
    batch = scored([1e-3, 3e-5, 2e-5, np.nan])
    assert [a.origin.offset for a in alarms(pipeline(alert=Budget(2)), batch)] == [2]
    assert alarms(pipeline(alert=Budget(2)), scored([1e-30], rate=np.nan)) == []


def test_a_pipelines_budget_is_shared_by_its_key_groups() -> None:
    batch = scored([1.0] * 5_000 + [4e-6, 1e-5])
    # One event a second: 86,400 a day in this group, of four that share two alerts.
    found = alarms(pipeline(alert=Budget(2, "pipeline")), batch)
    assert [a.origin.offset for a in found] == [5_000]
    assert found[0].threshold == pytest.approx(2 / 4 / 86_400, rel=1e-6)


def test_p_value_and_score_policies() -> None:
    batch = scored([1e-3, 1e-7, np.nan])
    assert [a.origin.offset for a in alarms(pipeline(alert=PValueThreshold(1e-6)), batch)] == [1]
    by_score = alarms(pipeline(alert=ScoreThreshold("zscore", 8.9995)), batch)
    assert [a.origin.offset for a in by_score] == [1]
    assert by_score[0].threshold is None


def test_an_anomaly_tells_why() -> None:
    batch = scored([1e-9])
    batch.events.values[0] = [16.0, 8.0]
    (anomaly,) = alarms(pipeline(), batch)
    a, b = anomaly.values
    assert (a.contribution, b.contribution) == pytest.approx((0.9, 0.1))
    assert (a.expected_low, a.expected_high) == (7.0, 13.0)
    assert anomaly.severity is Severity.CRITICAL
    assert anomaly.score == pytest.approx(0.9)


def test_a_value_without_history_has_no_range_and_equal_shares() -> None:
    batch = scored([1e-9])
    batch.centers[:] = np.nan
    batch.events.values[0, 1] = np.nan
    (anomaly,) = alarms(pipeline(), batch)
    assert [part.contribution for part in anomaly.values] == [0.5, 0.5]
    assert anomaly.values[0].expected_low is None
    assert anomaly.values[1].value is None


def test_anomalies_close_in_time_are_one_incident_over_a_restart_too() -> None:
    batch = scored([1e-9] * 4)
    batch.events.times[:] = [0, 5 * MINUTE, 14 * MINUTE, 30 * MINUTE]
    rules, context = pipeline(), RunContext("test")
    whole = alarms(rules, batch)
    first, second, third, fourth = (anomaly.incident for anomaly in whole)
    assert first == second == third == whole[0].id
    assert fourth == whole[3].id
    build = alert_step(rules, context)
    logic, found = build(None), []
    for row in range(4):
        one = dataclasses.replace(
            batch,
            **{
                f.name: getattr(batch, f.name)[row : row + 1] for f in dataclasses.fields(batch)[1:]
            },
            events=batch.events.take(slice(row, row + 1)),
        )
        found += [a for part in logic.on_batch([one])[0] for a in part]
        logic = build(logic.snapshot())
    assert found == whole
    sample = context.telemetry.registry.get_sample_value
    labels = {"detector": "zscore", "severity": "critical"}
    assert sample("pynomaly_anomalies_total", labels) == 4


def test_a_published_anomaly_is_complete_json() -> None:
    (anomaly,) = alarms(pipeline(), scored([1e-9]))
    group, (record,) = anomaly_step(pipeline(), RunContext("t"))(("g0001", [anomaly]))
    assert group == "g0001"
    assert record == anomaly_record(anomaly)
    assert record.key == anomaly.entity.encode()
    assert dict(record.headers)["pynomaly-id"] == anomaly.id.encode()
    document = orjson.loads(record.value or b"")
    assert document["time"] == "1970-01-01T00:00:00.000000000Z"
    assert document["origin"] == {"topic": "t", "partition": 0, "offset": 0}
    assert document["schema_version"] == 1
    assert document["values"][0]["name"] == "a"


def test_every_score_can_be_published_with_the_id_of_its_anomaly() -> None:
    batch = scored([np.nan, 1e-9])
    _, records = score_step(pipeline(), RunContext("t"))(("g0000", batch))
    documents = [orjson.loads(record.value or b"") for record in records]
    assert [d["score"] for d in documents] == [None, pytest.approx(0.9)]
    assert documents[1]["id"] == alarms(pipeline(), batch)[0].id


def test_a_dead_letter_keeps_the_message_and_adds_why_and_where() -> None:
    reject = Reject(RejectReason.NOT_JSON, "no", "t", 2, 9, 5, b"k", b"\xff", (("h", b"1"),))
    group, (record,) = reject_step(pipeline(), RunContext("t"))([reject])
    assert (group, record.key, record.value) == ("g0002", b"k", b"\xff")
    headers = dict(record.headers)
    assert headers["h"] == b"1"
    assert headers["pynomaly-reason"] == b"not_json"
    assert headers["pynomaly-offset"] == b"9"

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pytest

from engine.application import registry
from engine.application.ports import RunContext
from engine.domain.alert_policy import ScoreThreshold
from engine.domain.anomaly import Anomaly
from engine.domain.anomaly_schema import ANOMALY_SCHEMA
from engine.domain.names import DEAD_LETTER_HEADERS, HEADER_PREFIX
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from engine.domain.reject import Reject, RejectReason
from engine.domain.trace import Trace
from operators.alert.step import alert_step
from operators.detect.step import detect_step
from operators.publish import (
    anomaly_record,
    anomaly_step,
    dead_letter,
    iso_time,
    reject_step,
    score_step,
)
from tests.unit.application.config.schema_check import fits
from tests.unit.operators.pipelines import START, events, noise, pipeline, scored

CONTEXT = RunContext("plant")


def anomalies(spec: Pipeline, batch: Any) -> list[Anomaly]:
    emitted = alert_step(spec, CONTEXT)(spec.partitions).process([batch])
    return [anomaly for item in emitted for anomaly in item]


def published(spec: Pipeline, found: list[Anomaly]) -> list[dict[str, Any]]:
    records = anomaly_step(spec, CONTEXT)(found)
    return [orjson.loads(record.value or b"") for record in records]


def matches(document: Any) -> bool:
    return fits(document, ANOMALY_SCHEMA, ANOMALY_SCHEMA)


def real_documents() -> list[dict[str, Any]]:
    """Anomalies from end to end: events with faults and gaps, detected, alerted, published."""
    spec, batch = pipeline(), noise(1, 3_000)
    batch.values[1_500::100, 0] = 60
    batch.values[1_600::200, 1] = np.nan
    found = detect_step(spec, CONTEXT)(spec.partitions).process([batch])
    return [document for part in found for document in published(spec, anomalies(spec, part))]


def test_real_anomalies_fit_the_published_schema() -> None:
    documents = real_documents()

    assert len(documents) >= 10
    assert any(value["value"] is None for d in documents for value in d["values"])
    for document in documents:
        assert matches(document), document
        assert set(document) == set(ANOMALY_SCHEMA["required"]), "no field is undescribed"
        for name in ("values", "detectors"):
            item = ANOMALY_SCHEMA["properties"][name]["items"]["properties"]
            assert all(set(part) == set(item) for part in document[name])
        assert sum(value["contribution"] for value in document["values"]) == pytest.approx(1)


def test_an_anomaly_with_nothing_known_fits_it_too() -> None:
    spec = pipeline(alert=ScoreThreshold("zscore", 1.0))
    unknown = np.full((1, 2), np.nan)
    batch = events(["ä/1"], [[np.nan, 3.0]], [-1])
    bare = scored(batch, [np.nan], centers=unknown, scales=unknown, scores=np.array([[2.0]]))
    (document,) = published(spec, anomalies(spec, bare))

    assert matches(document)
    assert document["threshold"] is None
    assert document["time"] == "1969-12-31T23:59:59.999999999Z"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("id", "short"),
        ("score", 1.1),
        ("p_value", None),
        ("severity", "grave"),
        ("time", "2023-11-14"),
        ("time_ns", 1.5),
        ("schema_version", 2),
        ("values", []),
        ("late", 0),
        ("origin", {"topic": "t", "partition": -1, "offset": 0}),
        ("detectors", [{"detector": "zscore", "score": 1.0}]),
    ],
)
def test_the_schema_refuses_what_is_wrong(field: str, wrong: Any) -> None:
    document = real_documents()[0]

    assert matches(document)
    assert not matches({**document, field: wrong})
    del document[field]
    assert not matches(document)


def test_a_traced_anomaly_says_so_and_is_otherwise_the_same() -> None:
    spec = pipeline()
    batch = scored(events(["a"], [[30.0, 20.0]], [START]), [1e-9])
    (plain,) = anomalies(spec, batch)
    trace = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    before, after = anomaly_record(plain), anomaly_record(replace(plain, trace=trace))

    assert after.id == before.id
    header = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert after.headers == (*before.headers, header)
    document = orjson.loads(after.value or b"")
    assert matches(document)
    assert not matches({**document, "trace_id": "B" * 32})
    assert document == {**orjson.loads(before.value or b""), "trace_id": trace.trace_id}
    optional = {"rule", "suppressed_by", "context", "feedback"}
    assert {*document, *optional} == set(ANOMALY_SCHEMA["properties"]), "no field is undescribed"


def test_scores_of_a_traced_batch_carry_its_context() -> None:
    spec, trace = pipeline(), Trace("a" * 32, "b" * 16)
    batch = scored(events(["a", "b"], [[30.0, 20.0]] * 2, [START] * 2), [1e-9, 1e-9])
    step = score_step(spec, CONTEXT)
    plain, traced = (
        step(replace(batch, events=replace(batch.events, trace=each))) for each in (None, trace)
    )

    for before, after in zip(plain, traced, strict=True):
        assert after.headers == (*before.headers, ("traceparent", trace.traceparent))
        assert (after.id, after.value) == (before.id, before.value)


def test_an_anomaly_is_keyed_by_entity_and_named_in_its_headers() -> None:
    spec = pipeline()
    batch = scored(events(["Zürich/1"], [[30.0, 20.0]], [START + 123], first=9), [1e-9])
    found = anomalies(spec, batch)
    (record,) = anomaly_step(spec, CONTEXT)(found)

    assert record.key == "Zürich/1".encode()
    assert record.headers == (
        ("pynomaly-id", found[0].id.encode()),
        ("pynomaly-schema-version", b"1"),
    )
    assert record.timestamp == START + 123
    (document,) = published(spec, found)
    assert document["time_ns"] == START + 123
    assert document["time"] == "2023-11-14T22:13:20.000000123Z"
    assert document["origin"] == {"topic": "readings", "partition": 0, "offset": 9}
    assert document["values"][0] == {
        "name": "a",
        "value": 30.0,
        "contribution": 1.0,
        "expected_low": 14.0,
        "expected_high": 26.0,
    }


@pytest.mark.parametrize("ns", [0, 1, -1, 1_700_000_000_123_456_789, 4 * 10**18, -(10**18)])
def test_times_lose_nothing(ns: int) -> None:
    text = iso_time(ns)
    seconds = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp()

    assert int(seconds) * 10**9 + int(text[20:29]) == ns
    assert text.endswith("Z")


def scores(spec: Pipeline, batch: Any) -> list[Record]:
    return score_step(spec, CONTEXT)(batch)


def test_a_score_says_what_was_expected_of_each_value() -> None:
    spec = pipeline()
    batch = scored(events(["press"], [[30.0, np.nan]], [START]), [0.01])
    unknown = replace(batch, centers=np.full((1, 2), np.nan))

    known, nothing = (orjson.loads(scores(spec, one)[0].value or b"") for one in (batch, unknown))

    assert known["values"] == [
        {"name": "a", "value": 30.0, "expected": 20.0, "low": 14.0, "high": 26.0},
        {"name": "b", "value": None, "expected": 20.0, "low": 14.0, "high": 26.0},
    ]
    assert nothing["values"][0]["low"] is None


def test_a_score_of_auto_says_what_auto_expected() -> None:
    spec = pipeline(detectors=(registry.detector_family("auto").create("auto", {}, ["a", "b"]),))
    (batch,) = detect_step(spec, CONTEXT)(1).process([noise(1, 300, entities=1)])
    explanation = batch.explanations[0]

    document = orjson.loads(scores(spec, batch)[-1].value or b"")

    low = explanation.centers[-1, 0] - explanation.widths[-1, 0]
    assert document["values"][0]["low"] == low


def test_every_event_has_a_score_record_with_the_id_of_its_anomaly() -> None:
    spec, batch = pipeline(), scored(noise(2, 3), [0.01, np.nan, 1e-9])
    records = scores(spec, batch)
    documents = [orjson.loads(record.value or b"") for record in records]

    assert [document["p_value"] for document in documents] == [0.01, None, 1e-9]
    assert [document["score"] for document in documents] == [pytest.approx(0.2), None, 0.9]
    (anomaly,) = anomalies(spec, batch)
    assert documents[2]["id"] == anomaly.id
    assert dict(records[2].headers)["pynomaly-id"] == anomaly.id.encode()
    assert len({document["id"] for document in documents}) == 3
    for row, (record, document) in enumerate(zip(records, documents, strict=True)):
        assert record.key == batch.events.keys[row].encode()
        assert document["entity"] == batch.events.keys[row]
        assert document["time_ns"] == record.timestamp == batch.events.times[row]
        assert document["origin"]["offset"] == batch.events.offsets[row]
        assert (document["pipeline"], document["pipeline_version"]) == ("plant", "1a2b")
    assert documents[1]["detectors"] == [{"detector": "zscore", "score": None, "p_value": None}]
    assert documents[0]["detectors"][0]["p_value"] == 0.01


def test_no_events_are_no_score_records() -> None:
    batch = scored(noise(3, 2), [0.1, 0.1])
    columns = ("centers", "scales", "scores", "p_values", "p_value", "rates", "late")
    nothing = {name: getattr(batch, name)[:0] for name in columns}
    empty = replace(batch, events=batch.events.take(slice(0, 0)), **nothing)

    assert scores(pipeline(), empty) == []


def reject(**changes: Any) -> Reject:
    plain = Reject(
        reason=RejectReason.BAD_UTF8,
        detail='field "naïve": byte 3',
        topic="readings",
        partition=6,
        offset=12,
        timestamp=START,
        key=b"\xff\x00",
        value=b"\xfe not text",
        headers=(("trace", b"\x01\xff"), ("trace", b"again"), ("empty", None)),
    )
    return replace(plain, **changes)


def test_a_dead_letter_is_the_message_as_it_came_with_the_reason_added() -> None:
    record, second = reject_step(pipeline(), CONTEXT)(
        [reject(), reject(value=None, key=None, headers=())]
    )

    assert (record.key, record.value) == (b"\xff\x00", b"\xfe not text")
    assert record.timestamp == START
    assert record.headers[:3] == (("trace", b"\x01\xff"), ("trace", b"again"), ("empty", None))
    own_id = dict(record.headers)["pynomaly-id"]
    assert len(own_id or b"") == 32
    assert record.id.encode() == own_id
    assert record.headers[3:] == (
        ("pynomaly-id", own_id),
        ("pynomaly-reason", b"bad_utf8"),
        ("pynomaly-detail", 'field "naïve": byte 3'.encode()),
        ("pynomaly-topic", b"readings"),
        ("pynomaly-partition", b"6"),
        ("pynomaly-offset", b"12"),
        ("pynomaly-timestamp", str(START).encode()),
        ("pynomaly-pipeline", pipeline().name.encode()),
    )
    assert (second.key, second.value) == (None, None)
    assert len(second.headers) == 8


def test_a_dead_letter_that_comes_back_is_dropped_and_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    publish = reject_step(pipeline(), CONTEXT)
    (letter,) = publish([reject(topic="loop")])
    back = reject(topic="loop", headers=letter.headers)

    assert publish([back, back]) == []
    assert len(publish([back, reject(topic="loop")])) == 1
    assert caplog.text.count("come back in its source loop") == 1


def test_a_dead_letter_of_another_pipeline_is_a_message_like_any_other() -> None:
    (letter,) = reject_step(replace(pipeline(), name="other"), CONTEXT)([reject()])

    (second,) = reject_step(pipeline(), CONTEXT)([reject(headers=letter.headers)])

    assert second.headers[: len(letter.headers)] == letter.headers


def test_the_id_of_a_dead_letter_is_its_own_whatever_detectors_there_are() -> None:
    def ids(spec: Pipeline, **changes: Any) -> str:
        (record,) = reject_step(spec, CONTEXT)([reject(**changes)])
        return record.id

    assert ids(pipeline()) == ids(replace(pipeline(), version="other"))
    places: list[dict[str, Any]] = [{}, {"offset": 13}, {"partition": 5}, {"topic": "other"}]
    assert len({ids(pipeline(), **place) for place in places}) == 4
    assert ids(replace(pipeline(), name="other")) != ids(pipeline())


def test_a_detail_that_is_no_text_does_not_stop_a_dead_letter() -> None:
    (record,) = reject_step(pipeline(), CONTEXT)([reject(detail="lone \ud800 half")])

    assert dict(record.headers)["pynomaly-detail"] == b"lone ? half"


def test_the_headers_of_a_dead_letter_are_those_that_sinks_know_as_ours() -> None:
    own = dead_letter("p", reject(headers=(), index=3, elements=2, samples=(3, 4))).headers

    assert tuple(name.removeprefix(HEADER_PREFIX) for name, _ in own) == DEAD_LETTER_HEADERS

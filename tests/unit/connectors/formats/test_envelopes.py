"""Kafka Connect, Debezium and CloudEvents."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import orjson

from engine.domain.batch import RawBatch
from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import (
    CLOUD,
    EVENT,
    FLAT,
    NOW,
    READING,
    TS,
    decode,
    decoder,
    entities,
)


def test_a_batch_of_cloudevents_is_exploded() -> None:
    batch = orjson.dumps([{**EVENT, "data": {"t": 1}}, {"no": "event"}])

    events, rejects = decode(f"{CLOUD}\nexplode: $message", batch)

    assert entities(events) == [("/s", 1.0)]
    assert [(r.index, r.reason) for r in rejects] == [(1, RejectReason.MISSING_KEY)]


def decimal_schema(name: str) -> dict[str, Any]:
    return {
        "field": name,
        "type": "bytes",
        "name": "org.apache.kafka.connect.data.Decimal",
        "parameters": {"scale": "2"},
    }


def test_the_envelope_of_kafka_connect_is_opened_and_its_decimals_read() -> None:
    price = base64.b64encode(b"\x04\xd2").decode()
    schema = {"type": "struct", "fields": [decimal_schema("temp")]}
    body = {"schema": schema, "payload": {"sensor": 7, "ts": TS, "temp": price}}

    events, rejects = decode(FLAT + "format: connect", orjson.dumps(body), orjson.dumps(READING))

    assert (entities(events), rejects) == ([("7", 12.34), ("s1", 20.5)], [])


def test_changes_of_debezium_are_rows_and_deletes_are_passed_over() -> None:
    found = decoder("format: debezium\nkey: id\ntime: {path: __ts_ms, unit: ms}\nvalues: [v]")
    row = {"id": 7, "v": 1.5}
    changes: list[dict[str, Any]] = [
        {"before": None, "after": row, "op": "c", "ts_ms": TS, "source": {"table": "t"}},
        {"before": row, "after": None, "op": "d", "ts_ms": TS},
        {"schema": {}, "payload": {"before": row, "after": row, "op": "u", "ts_ms": TS}},
        {"id": 7},
    ]
    stamps = np.full(4, NOW)
    values = [orjson.dumps(change) for change in changes]

    events, rejects = found.decode([RawBatch("t", 0, np.arange(4), stamps, values)])

    assert entities(events) == [("7", 1.5)] * 2
    assert [r.offset for r in rejects] == [3]
    assert found.passed_over["format"] == 1


def test_cloudevents_are_read_structured_and_in_headers() -> None:
    encoded = {**EVENT, "data_base64": base64.b64encode(b'{"t":2}').decode()}
    headers = tuple((f"ce_{name}", value.encode()) for name, value in EVENT.items())

    whole, rejects = decode(
        CLOUD, orjson.dumps({**EVENT, "data": {"t": 1}}), orjson.dumps(encoded), b"{}"
    )
    binary, others = decode(CLOUD, b'{"t":3}', headers=headers)

    assert entities(whole) == [("/s", 1.0), ("/s", 2.0)]
    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT]
    assert (entities(binary), others) == ([("/s", 3.0)], [])

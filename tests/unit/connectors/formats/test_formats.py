"""Binary formats of messages, and what each format does with what it cannot read."""

from __future__ import annotations

from datetime import UTC, datetime

import cbor2
import msgspec
import orjson
import pytest

from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import (
    AVRO_EVENT,
    FLAT,
    READING,
    TS,
    avro,
    decode,
    entities,
)

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)


def test_avro_of_a_given_schema_is_read() -> None:
    events, rejects = decode(AVRO_EVENT, avro(READING), b"\x08abc", avro({**READING, "temp": None}))

    assert entities(events) == [("s1", 20.5)]
    assert events.times.tolist() == [TS * 1_000_000]
    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT, RejectReason.NULL_VALUE]


def test_messagepack_is_read() -> None:
    events, rejects = decode(FLAT + "format: msgpack", msgspec.msgpack.encode(READING), b"\xc1")

    assert entities(events) == [("s1", 20.5)]
    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT]
    assert rejects[0].value == b"\xc1"


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("msgpack", msgspec.msgpack.encode({"ts": MOMENT, "v": 1})),
        ("cbor", cbor2.dumps({"ts": MOMENT, "v": 1})),
    ],
)
@pytest.mark.parametrize("how", ["unit: s", "format: iso8601", "format: iso8601, zone: Asia/Tokyo"])
def test_times_that_are_times_are_read_whatever_the_file_says(
    name: str, payload: bytes, how: str
) -> None:
    text = f"format: {name}\nkey: {{const: a}}\ntime: {{path: ts, {how}}}\nvalues: [v]"

    events, rejects = decode(text, payload)

    assert rejects == []
    assert events.times.tolist() == [TS * 1_000_000]


def test_names_that_are_numbers_are_texts() -> None:
    # SenML in CBOR (RFC 8428): the labels are small numbers.
    pack = cbor2.dumps([{0: "voltage", 2: 120.1, 6: 1}, {0: "current", 2: 1.2}])

    events, rejects = decode(
        "format: cbor\nexplode: $message\nkey: '[\"0\"]'\nvalues: {v: '[\"2\"]'}", pack
    )

    assert (entities(events), rejects) == ([("voltage", 120.1), ("current", 1.2)], [])


@pytest.mark.parametrize(("name", "null"), [("msgpack", b"\xc0"), ("cbor", b"\xf6")])
def test_null_is_a_reject_as_in_json(name: str, null: bytes) -> None:
    events, rejects = decode(FLAT + f"format: {name}", null)

    assert len(events) == 0
    assert [r.reason for r in rejects] == [RejectReason.NOT_AN_OBJECT]


def test_cbor_is_read() -> None:
    events, rejects = decode(FLAT + "format: cbor", cbor2.dumps(READING), b"\xff")

    assert entities(events) == [("s1", 20.5)]
    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT]


def test_json_with_the_id_of_a_schema_is_read() -> None:
    body = orjson.dumps(READING)

    events, rejects = decode(
        FLAT + "format: json_schema", b"\0\0\0\0\7" + body, body, b"\0\0\0\0\7{"
    )

    assert entities(events) == [("s1", 20.5)] * 2
    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT]

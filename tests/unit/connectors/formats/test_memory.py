"""Messages that are small until they are read: each is a reject, and memory is bounded."""

from __future__ import annotations

import json
import struct
import tracemalloc
from typing import Any

import cbor2
import cramjam
import pytest

from connectors.formats import prometheus
from connectors.formats.avro import AvroSettings
from tests.unit.connectors.formats.format_case import FLAT, GOOD, decode, field, varint

MIB = 2**20
MOST = 20 * MIB
PROMETHEUS, CBOR, MSGPACK = (GOOD[name][0] for name in ("prometheus", "cbor", "msgpack"))
AVRO = json.dumps({"type": "record", "name": "R", "fields": [{"name": "sensor", "type": "string"}]})
AVRO_EVENT = FLAT + f"format: {{avro: {{schema_text: {json.dumps(AVRO)}}}}}"


def snappy(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(data))


def doubled(levels: int) -> bytes:
    """Return CBOR in which each array holds the one before it twice, by reference."""
    found = b"\xd8\x1c\x82\x01\x01"
    for level in range(levels):
        reference = b"\xd8\x1d" + cbor2.dumps(level)
        found += b"\xd8\x1c\x82" + reference * 2
    return bytes([0x98, levels + 1]) + found


NUMBER = b"\xc2\x5a" + struct.pack(">I", MIB // 2) + b"\xff" * (MIB // 2)
EMPTY = MIB
BOMBS = {
    "remote write that says it is huge": (PROMETHEUS, varint(2**40) + b"x"),
    "remote write that is not what it says": (PROMETHEUS, varint(60 * MIB) + b"x"),
    "series without end": (PROMETHEUS, snappy(b"\x0a\x00" * EMPTY)),
    "symbols without end": (PROMETHEUS, snappy(b"\x22\x00" * EMPTY)),
    "labels without end": (PROMETHEUS, snappy(field(1, b"\x0a\x00" * EMPTY))),
    "samples without end": (PROMETHEUS, snappy(field(1, b"\x12\x00" * EMPTY))),
    "an array of MessagePack that says it is huge": (MSGPACK, b"\xdd\xff\xff\xff\xff"),
    "a map of MessagePack that says it is huge": (MSGPACK, b"\xdf\xff\xff\xff\xff"),
    "a text of MessagePack that says it is huge": (MSGPACK, b"\xdb\xff\xff\xff\xff"),
    "MessagePack without end": (MSGPACK, b"\x91" * 100_000),
    "an array of CBOR that says it is huge": (CBOR, b"\x9b" + b"\x7f" * 8),
    "a map of CBOR that says it is huge": (CBOR, b"\xbb" + b"\x7f" * 8),
    "a text of CBOR that says it is huge": (CBOR, b"\x7b" + b"\x7f" * 8),
    "CBOR without end": (CBOR, b"\x81" * 100_000),
    "CBOR that refers to itself": (CBOR, b"\xd8\x1c\x81\xd8\x1d\x00"),
    "CBOR that doubles": (CBOR, doubled(60)),
    "a time of a million digits": (
        CBOR,
        b"\xa3" + cbor2.dumps("sensor") + cbor2.dumps("s") + cbor2.dumps("ts") + NUMBER
        + cbor2.dumps("temp") + cbor2.dumps(1.5),
    ),
    "a text of Avro that says it is huge": (AVRO_EVENT, varint(2**41)),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_claims_or_refers_to_more_than_it_has_is_a_reject(
    bomb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus, "MOST_PARTS", 2**14)
    text, payload = BOMBS[bomb]
    assert len(payload) < MIB
    tracemalloc.start()

    try:
        events, rejects = decode(text, payload)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(events) == 0
    assert [bool(reject.detail) for reject in rejects] == [True]
    assert peak < MOST


def test_texts_that_cbor_refers_to_are_read() -> None:
    documents = {"sensor": "a-sensor", "ts": 1_704_067_200_000, "temp": 20.5, "of": "a-sensor"}

    events, rejects = decode(CBOR, cbor2.dumps(documents, string_referencing=True))

    assert (events.keys.tolist(), rejects) == (["a-sensor"], [])


EMPTY_RECORD = {"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"}]}


@pytest.mark.parametrize(
    ("items", "is_refused"),
    [
        ("null", True),
        (EMPTY_RECORD, True),
        ({"type": "fixed", "name": "F", "size": 0}, True),
        ({"type": "array", "items": "null"}, True),
        ("long", False),
        (["null", "long"], False),
        ("R", False),
    ],
)
def test_avro_whose_elements_take_no_bytes_is_refused(items: Any, is_refused: bool) -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "a", "type": {"type": "map", "values": _array(items)}}],
    }

    try:
        AvroSettings(schema_text=json.dumps(schema))
        found = ""
    except ValueError as error:
        found = str(error)

    assert ("elements take no bytes" in found) == is_refused


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}

"""Payloads that are read in columns: the same as one by one, whatever they hold."""

from __future__ import annotations

import io
import json
import random
from itertools import cycle
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.domain.batch import RawBatch
from operators.decode.column_sections import FEWEST
from operators.decode.decoder import Decoder
from tests.fuzz.formats import mutated
from tests.unit.connectors.formats.format_case import (
    AVRO_EVENT,
    GOOD,
    NOW,
    PROTOBUF_EVENT,
    TS,
    avro,
    decoder,
    field,
)

COUNT = 20
Found = tuple[list[Any], list[Any], int]


def decoded(found: Decoder, payloads: list[bytes]) -> Found:
    n = len(payloads)
    events, rejects = found.decode([RawBatch("t", 0, np.arange(n), np.full(n, NOW), payloads)])
    columns = (events.keys.tolist(), events.times.tolist(), events.values.tolist())
    rows = list(map(repr, zip(*columns, strict=True)))
    passed = sum(found.passed_over.values())
    return rows, [(reject.reason, reject.detail) for reject in rejects], passed


def one_by_one(found: Decoder, payloads: list[bytes]) -> Found:
    rows: list[Any] = []
    rejects: list[Any] = []
    passed = 0
    for payload in payloads:
        some, bad, more = decoded(found, [payload])
        rows, rejects, passed = rows + some, rejects + bad, passed + more
    return rows, rejects, passed


@pytest.mark.parametrize("name", ["avro", "protobuf"])
def test_mutated_payloads_are_read_as_one_by_one(name: str) -> None:
    text, good = GOOD[name]
    found, draw, stream = decoder(text), random.Random(3), mutated(good, 3)
    for _ in range(1_000):
        payloads = [good] * COUNT
        payloads[draw.randrange(COUNT)] = next(stream)

        assert decoded(found, payloads) == one_by_one(found, payloads)


LONG = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=5)
REAL = st.floats(-1e9, 1e9)
WIDE = {
    "type": "record",
    "name": "Wide",
    "fields": [
        {"name": "skipped", "type": {"type": "map", "values": ["null", "string", "long"]}},
        {"name": "id", "type": ["null", "string", "long"]},
        {"name": "list", "type": {"type": "array", "items": "float"}},
        {
            "name": "inner",
            "type": ["null", {"type": "record", "name": "Inner", "fields": [
                {"name": "v", "type": ["double", "null", "boolean", "int"]},
                {"name": "next", "type": ["null", "Inner"]},
            ]}],
        },
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["ON", "OFF"]}},
        {"name": "raw", "type": ["bytes", {"type": "fixed", "name": "Two", "size": 2}]},
    ],
}  # fmt: skip
V = st.one_of(st.none(), st.booleans(), st.integers(-(2**31), 2**31 - 1), REAL)
INNER = st.fixed_dictionaries({"v": V, "next": st.fixed_dictionaries({"v": V, "next": st.none()})})
WIDE_RECORD = st.fixed_dictionaries(
    {
        "skipped": st.dictionaries(TEXT, st.one_of(st.none(), TEXT, LONG), max_size=3),
        "id": st.one_of(st.none(), TEXT, LONG),
        "list": st.lists(st.floats(width=32), max_size=3),
        "inner": st.one_of(st.none(), INNER),
        "state": st.sampled_from(["ON", "OFF"]),
        "raw": st.binary(max_size=3),
    }
)
WIDE_EVENT = f"""
format: {{avro: {{schema_text: {json.dumps(json.dumps(WIDE))}}}}}
where: {{path: state, equals: "ON"}}
key: [id, state]
values:
  v: {{path: inner.v, optional: true, missing: [7]}}
  next: {{path: inner.next.v, optional: true}}
  none: {{path: inner.none, optional: true}}
"""


@settings(deadline=None, max_examples=60)
@given(st.lists(WIDE_RECORD, min_size=16, max_size=24))
def test_avro_of_all_types_is_read_as_one_by_one(records: list[dict[str, Any]]) -> None:
    parsed, payloads = fastavro.parse_schema(WIDE), []
    for record in records:
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, parsed, record)
        payloads.append(stream.getvalue())
    found = decoder(WIDE_EVENT)

    assert decoded(found, payloads) == one_by_one(found, payloads)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(TEXT, LONG, st.none() | REAL, st.binary(max_size=4)), min_size=16))
@example([("", 0, None, b"")] * 15 + [("", -(2**63), None, b"")])
def test_protobuf_is_read_as_one_by_one(records: list[tuple[Any, ...]]) -> None:
    payloads = [
        field(2, ts) + (b"" if temp is None else field(3, temp)) + field(1, name) + field(9, raw)
        for name, ts, temp, raw in records
    ]
    found = decoder(PROTOBUF_EVENT)

    assert decoded(found, payloads) == one_by_one(found, payloads)


@pytest.mark.parametrize("name", ["avro", "protobuf"])
@pytest.mark.parametrize("bad", [[0], [199], [77], [3, 150], list(range(0, 200, 20))])
def test_broken_payloads_among_many_are_read_as_one_by_one(name: str, bad: list[int]) -> None:
    text, good = GOOD[name]
    found = decoder(text)
    payloads = [good] * 200
    for row, broken in zip(bad, cycle([b"\xff" * 9, good[:-3], b"\x80"]), strict=False):
        payloads[row] = broken

    assert decoded(found, payloads) == one_by_one(found, payloads)


@pytest.mark.parametrize("name", ["avro", "protobuf"])
def test_one_broken_payload_leaves_most_of_a_batch_in_columns(name: str) -> None:
    text, good = GOOD[name]
    found = decoder(text)._format
    assert found is not None
    assert found._sections is not None

    sections = found._sections.of([*[good] * 400, b"\xff" * 9, *[good] * 599])

    alone = [(section.first, section.end) for section in sections if section.columns is None]
    assert any(first <= 400 < end for first, end in alone)
    assert sum(end - first for first, end in alone) <= 2 * FEWEST


def test_a_schema_that_is_never_read_in_columns_is_not_tried_by_halves() -> None:
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
    schema = {"type": "record", "name": "R", "fields": [{"name": "v", "type": decimal}]}
    text = f"format: {{avro: {{schema_text: {json.dumps(json.dumps(schema))}}}}}\n"
    found = decoder(text + "key: {const: a}\nvalues: [v]")._format
    assert found is not None
    assert found._sections is not None

    assert found._sections.of([b"\x02\x07"] * 500) == [(0, 500, None)]


def test_columns_are_used_where_all_is_well() -> None:
    for text, good in ((AVRO_EVENT, avro({"sensor": "a", "ts": TS, "temp": 1})), GOOD["protobuf"]):
        found = decoder(text)
        assert found._format is not None
        assert found._format._sections is not None

        (section,) = found._format._sections.of([good] * COUNT)

        assert section.columns is not None

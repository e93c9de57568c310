"""Columns read straight from JSON: the same events and rejects as by way of objects."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.batch import EventBatch, Int64s, RawBatch
from engine.domain.mapping import EventMapping, TimeField, ValueField
from engine.domain.reject import Reject
from operators.decode import json_messages
from operators.decode.columns import Table
from operators.decode.decoder import Decoder
from operators.decode.json_columns import LONGEST_PAUSE, json_columns
from operators.decode.json_messages import JsonMessages
from operators.kernels.text_table import (
    _FNV_BASIS,
    _FNV_PRIME,
    _MASK,
    _SHIFT,
    LONGEST,
    MOST_PROBES,
    MOST_TEXTS,
    PLACES,
    number_compiled,
)

NOW = 1_767_225_600_000_000_000
MAPPING = EventMapping(
    key=(("id",),),
    time=TimeField(path=("ts",), unit="ms"),
    values=(ValueField("a", ("a",)), ValueField("b", ("b",), optional=True)),
    max_bytes=2_000,
    max_future=10**18,
    lateness=None,
)
PLAIN = b'{"id":"e1","ts":1767225600000,"a":1.5,"b":2}'
PLAIN_ALSO = [
    PLAIN,
    b' { "id" : "e1" , "ts" : 1767225600000 , "a" : 1 } ',
    b'{"b":null,"a":-1.5e-3,"ts":1,"id":""}',
    b'{"id":"e1","ts":1,"a":true,"b":false}',
    '{"id":"Gerät 1 \U0001f600","ts":1,"a":20.123456789012345}'.encode(),
    b'{"id":"e1","ts":1,"a":0.1,"x":{"y":[1,{"z":"}"},[],{}],"w":null},"v":[true,-1,1e5]}',
    b'{"id":"e1","ts":1,"a":123456789012345678901234567890}',
    b'{"id":"e1","ts":1,"a":0.30000000000000004,"b":1e300}',
    b'{"id":"e1","ts":1,"a":-0.0,"":1}',
    b'{"":1,"id":"e1","ts":1,"a":1}',
]
NOT_PLAIN = [
    None,
    b"",
    b"{}",
    b"[]",
    b"garbage",
    b'{"id":"e1","ts":1,"a":1',
    b'{"id":"e1","ts":1,"a":1},',
    b'{"id":"e1","ts":1,"a":1}{"id":"e2","ts":1,"a":1}',
    b'{"id":"e1","ts":1,"a":1}\n{"id":"e2","ts":1,"a":1}',
    b'{"id":"e1","ts":1,\n"a":1}',
    b'{"id":"e1","ts":1,\t"a":1}',
    b'{"id":"e1","ts":1,"a":1,}',
    b'{"id":"e1","ts":1,"a":1,"id":"e2"}',
    b'{"id":"e\\u0031","ts":1,"a":1}',
    b'{"id":"e1","ts":1,"\\u0061":1}',
    b'{"id":"e1","ts":1,"a":null}',
    b'{"id":"e1","ts":1,"b":1}',
    b'{"":"e1","ts":1,"a":1}',
    b'{"id":7,"ts":1,"a":1}',
    b'{"id":null,"ts":1,"a":1}',
    b'{"id":"e1","ts":1.5,"a":1}',
    b'{"id":"e1","ts":"1","a":1}',
    b'{"id":"e1","ts":true,"a":1}',
    b'{"id":"e1","ts":99999999999999999999999,"a":1}',
    b'{"id":"e1","ts":1,"a":"1.5"}',
    b'{"id":"e1","ts":1,"a":-0}',
    b'{"id":"e1","ts":1,"a":01}',
    b'{"id":"e1","ts":1,"a":1.}',
    b'{"id":"e1","ts":1,"a":.5}',
    b'{"id":"e1","ts":1,"a":+1}',
    b'{"id":"e1","ts":1,"a":-}',
    b'{"id":"e1","ts":1,"a":1e}',
    b'{"id":"e1","ts":1,"a":1e400}',
    b'{"id":"e1","ts":1,"a":1e99999}',
    b'{"id":"e1","ts":1,"a":NaN}',
    b'{"id":"e1","ts":1,"a":Infinity}',
    b'{"id":"e1","ts":1,"a":tru}',
    b'{"id":"e1","ts":1,"a":1,"x":nul}',
    b'{"id":"e1","ts":1,"a":1,"x":[1,]}',
    b'{"id":"e1","ts":1,"a":1,"x":[1}',
    b'{"id":"e1","ts":1,"a":1,"x":{"y":1]}',
    b'{"id":"e1","ts":1,"a":1,"x":{1:2}}',
    b'{"id":"e1","ts":1,"a":1,"x":' + b"[" * 70 + b"]" * 70 + b"}",
    b'{"id":"\xff","ts":1,"a":1}',
    b'{"id":"e1","ts":1,"a":1,"x":"\xff"}',
    b'\xef\xbb\xbf{"id":"e1","ts":1,"a":1}',
    b'{"id":"e1","ts":1,"a":1,"x":"unclosed}',
    b'{"id":"e1","ts":1,"a":1,"x',
    b'{"id":"e1","ts":1,"a":1,"x":"' + b"x" * 2_000 + b'"}',
]

ESCAPED = [
    b'{"id":"e\\u0031","ts":1,"a":1}',
    b'{"id":"e/1","ts":2,"a":2,"b":true,"unit":"\\u00b0C"}',
]


@pytest.mark.parametrize("payload", PLAIN_ALSO)
def test_plain_messages_are_read_into_columns(payload: bytes) -> None:
    messages, rows = JsonMessages(MAPPING).decode([PLAIN, payload])

    assert isinstance(messages, Table)
    assert rows.tolist() == [0, 1]


@pytest.mark.parametrize("payload", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_the_decoder_of_objects_and_all_else_is_not(
    payload: bytes | None,
) -> None:
    columns = json_columns(MAPPING)
    assert columns is not None

    read = columns.read([PLAIN, payload, PLAIN])

    assert read is not None
    assert read[1].tolist() == [0, 2]


def test_messages_that_were_read_otherwise_are_numbers_in_the_columns_of_the_others() -> None:
    payloads = [PLAIN, *ESCAPED, PLAIN]

    messages, rows = JsonMessages(MAPPING).decode(payloads)

    assert isinstance(messages, Table)
    assert rows.tolist() == [0, 1, 2, 3]
    assert messages.columns[("ts",)].dtype == np.int64
    np.testing.assert_equal(messages.columns[("a",)], [1.5, 1.0, 2.0, 1.5])
    np.testing.assert_equal(messages.columns[("b",)], [2.0, np.nan, 1.0, 2.0])


@pytest.mark.parametrize("payload", [*PLAIN_ALSO, *NOT_PLAIN])
def test_events_and_rejects_are_those_of_objects(
    payload: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads = [PLAIN, payload, PLAIN]

    found = _decode(_decoder(), payloads)

    assert _same(found, _decode(_decoder_of_objects(monkeypatch), payloads))


FIELDS = st.dictionaries(
    st.sampled_from(["id", "ts", "a", "b", "x", "É"]),
    st.one_of(
        st.text(max_size=4),
        st.integers(-(2**70), 2**70),
        st.floats(),
        st.none(),
        st.booleans(),
        st.lists(st.integers(0, 9), max_size=2),
    ),
)
EVENTS = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["e1", "e2", "Gerät"]),
        "ts": st.integers(0, 10**12),
        "a": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**20), 10**20),
    },
    optional={"b": st.none() | st.floats(0, 1), "x": st.text(max_size=3)},
)


@given(st.lists(EVENTS, min_size=1, max_size=6), st.booleans())
def test_events_have_the_same_bytes(events: list[Any], spaces: bool) -> None:
    separators = (" , ", " : ") if spaces else (",", ":")
    payloads = [
        json.dumps(event, ensure_ascii=False, separators=separators).encode() for event in events
    ]

    found = _decode(_decoder(), payloads)

    with pytest.MonkeyPatch.context() as patch:
        assert _same(found, _decode(_decoder_of_objects(patch), payloads))


@given(st.lists(st.one_of(FIELDS, EVENTS), min_size=1, max_size=4), st.data())
def test_damaged_messages_have_the_same_outcome(events: list[Any], data: st.DataObject) -> None:
    payloads = [json.dumps(event, ensure_ascii=False).encode() for event in events]
    row = data.draw(st.integers(0, len(payloads) - 1))
    place = data.draw(st.integers(0, max(0, len(payloads[row]) - 1)))
    sign = data.draw(st.binary(max_size=1) | st.sampled_from([b'"', b",", b"}", b"\n", b"\\"]))
    payloads[row] = payloads[row][:place] + sign + payloads[row][place + 1 :]

    found = _decode(_decoder(), payloads)

    with pytest.MonkeyPatch.context() as patch:
        assert _same(found, _decode(_decoder_of_objects(patch), payloads))


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["r", ".17e", ".3f"]))
def test_a_number_is_the_nearest_float(number: float, form: str) -> None:
    text = repr(number) if form == "r" else format(number, form)
    payload = b'{"id":"e","ts":1,"a":%s}' % text.encode()

    messages, _ = JsonMessages(MAPPING).decode([payload])

    assert isinstance(messages, Table)
    assert struct.pack("d", messages.columns["a",][0]) == struct.pack("d", float(text))


def test_more_names_than_are_kept_are_read_all_the_same() -> None:
    names = [f"sensor-{number}" for number in range(MOST_TEXTS + 50)]
    names[7] = "x" * (LONGEST + 1)
    payloads = [b'{"id":"%s","ts":1,"a":1}' % name.encode() for name in names]
    decoder = _decoder()

    for _ in range(2):
        events, rejects = _decode(decoder, payloads)

        assert events.keys.tolist() == names
        assert not rejects


def test_names_with_one_hash_are_kept_up_to_a_bound_and_all_are_read() -> None:
    names = _names_of_one_place(MOST_PROBES + 8)
    payloads = [b'{"id":"%s","ts":1,"a":1}' % name.encode() for name in names]
    decoder = _decoder()

    first, _ = _decode(decoder, payloads)
    second, _ = _decode(decoder, payloads)

    assert first.keys.tolist() == second.keys.tolist() == names
    numbers = np.empty(len(names), np.int64)
    _number(names, numbers)
    assert np.count_nonzero(numbers >= 0) == MOST_PROBES


def test_names_are_the_same_objects_in_each_batch() -> None:
    decoder = _decoder()

    first, _ = _decode(decoder, [PLAIN, PLAIN])
    second, _ = _decode(decoder, [PLAIN])

    assert first.keys[0] is first.keys[1] is second.keys[0]


def test_columns_are_tried_again_after_batches_that_are_not_plain() -> None:
    messages = JsonMessages(MAPPING)
    for _ in range(LONGEST_PAUSE):
        messages.decode([b"garbage"])

    found = [messages.decode([PLAIN])[0] for _ in range(LONGEST_PAUSE + 1)]

    assert isinstance(found[-1], Table)


def _names_of_one_place(count: int) -> list[str]:
    """Return names whose hashes lead to one place of the table."""
    numbers = np.arange(10_000_000, 10_000_000 + 5 * count * PLACES // 4)
    mixed = np.full(len(numbers), int(_FNV_BASIS), np.uint64)
    for power in range(7, -1, -1):
        digit = (numbers // 10**power % 10 + ord("0")).astype(np.uint64)
        mixed = (mixed ^ digit) * _FNV_PRIME
    places = (mixed ^ mixed >> _SHIFT) & _MASK
    return [str(number) for number in numbers[places == places[0]][:count]]


def _number(names: list[str], numbers: Int64s) -> None:
    ends = 8 * np.arange(1, len(names) + 1)
    table = (
        np.zeros(PLACES, np.int32),
        np.empty((MOST_TEXTS, LONGEST), np.uint8),
        np.zeros(MOST_TEXTS, np.int32),
    )
    lines = np.frombuffer("".join(names).encode(), np.uint8)
    number_compiled(lines, np.column_stack([ends - 8, ends]), *table, 0, numbers)


def _decoder() -> Decoder:
    return Decoder(MAPPING, lambda: NOW)


def _decoder_of_objects(patch: pytest.MonkeyPatch) -> Decoder:
    patch.setattr(json_messages, "json_columns", lambda _mapping: None)
    return _decoder()


def _decode(decoder: Decoder, payloads: list[Any]) -> tuple[EventBatch, list[Reject]]:
    count = len(payloads)
    return decoder.decode([RawBatch("t", 0, np.arange(count), np.full(count, NOW), payloads)])


def _same(one: tuple[EventBatch, list[Reject]], other: tuple[EventBatch, list[Reject]]) -> bool:
    pairs = zip(one[0].columns(), other[0].columns(), strict=True)
    same = all(a.dtype == b.dtype and a.tolist() == b.tolist() for a, b in pairs if a.dtype == "O")
    bits = zip(one[0].columns()[1:], other[0].columns()[1:], strict=True)
    return same and all(a.tobytes() == b.tobytes() for a, b in bits) and one[1] == other[1]

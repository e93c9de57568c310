"""Messages of several events: arrays, objects and their parents' fields."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.domain.reject import RejectReason
from tests.unit.operators.decode.mapping_case import (
    INNER,
    TS,
    batch,
    decode,
    decoder,
    port,
    rows,
)

WHOLE = """
explode: $message
key: tags.port
time: {path: ts, unit: ms}
values: {octets: values.octets}
"""


def test_a_message_that_is_an_array_is_an_event_for_each_element() -> None:
    events, rejects = decode(WHOLE, [port("eth1", 1), port("eth2", 2)], port("eth3", 3))

    assert rejects == []
    assert rows(events) == [("eth1", 1.0), ("eth2", 2.0), ("eth3", 3.0)]
    assert events.offsets.tolist() == [0, 0, 1]
    assert events.indices is not None
    assert events.indices.tolist() == [0, 1, 0]


def test_elements_have_the_fields_of_their_parents() -> None:
    message = {"device": "d", "metrics": [port("eth1", 1), port("eth2", 2)]}

    events, rejects = decode(INNER, message)

    assert rejects == []
    assert rows(events) == [("d/eth1", 1.0), ("d/eth2", 2.0)]


def test_a_bad_element_rejects_itself_alone() -> None:
    metrics = [port("eth1", 1), port("eth2", "x"), 7, port("eth3", 3)]

    events, rejects = decode(INNER, {"device": "d", "metrics": metrics, "unread": 1})

    assert [row[0] for row in rows(events)] == ["d/eth1", "d/eth3"]
    assert [(r.index, r.reason) for r in rejects] == [
        (1, RejectReason.WRONG_TYPE),
        (2, RejectReason.WRONG_TYPE),
    ]
    assert orjson.loads(rejects[0].value or b"") == {"device": "d", "metrics": port("eth2", "x")}


def test_the_reject_of_an_element_is_read_as_that_element_again() -> None:
    _, (reject,) = decode(INNER, {"device": "d", "metrics": [port("eth2", "x")]})
    mended = (reject.value or b"").replace(b'"x"', b"2")

    events, rejects = decode(INNER, mended)

    assert (rows(events), rejects) == ([("d/eth2", 2.0)], [])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"device": "d"}, RejectReason.MISSING_VALUE),
        ({"device": "d", "metrics": None}, RejectReason.MISSING_VALUE),
        ({"device": "d", "metrics": 7}, RejectReason.WRONG_TYPE),
        (b"{", RejectReason.NOT_JSON),
    ],
)
def test_a_message_without_the_array_is_one_reject(message: Any, reason: RejectReason) -> None:
    good = {"device": "d", "metrics": [port("eth1", 1)]}

    events, rejects = decode(INNER, good, message, good)

    assert len(events) == 2
    assert [(r.offset, r.index) for r in rejects] == [(1, None)]


def test_an_empty_array_is_passed_over_and_counted() -> None:
    found = decoder(INNER)

    events, rejects = found.decode([batch({"device": "d", "metrics": []})])

    assert (len(events), rejects) == (0, [])
    assert found.passed_over["empty_array"] == 1


def test_arrays_on_the_way_are_exploded_too() -> None:
    text = "explode: a.b\nkey: [a.s, a.b.n]\nvalues: {v: a.b.v}"
    message = {
        "a": [
            {"s": 1, "b": [{"n": 1, "v": 1}, {"n": 2, "v": 2}]},
            {"s": 2, "b": []},
            {"s": 3},
            {"s": 4, "b": {"n": 3, "v": 3}},
        ]
    }

    events, rejects = decode(text, message)

    assert rows(events) == [("1/1", 1.0), ("1/2", 2.0), ("4/3", 3.0)]
    assert [(r.index, r.reason) for r in rejects] == [(2, RejectReason.MISSING_KEY)]


def test_a_large_message_of_bad_elements_is_few_rejects_and_none_is_lost() -> None:
    message = orjson.dumps({"device": "d", "metrics": [1] * 5_000})

    events, rejects = decode(INNER, message)

    assert len(events) == 0
    assert len(rejects) == 101
    assert (rejects[-1].index, rejects[-1].elements) == (100, 4_900)
    assert orjson.loads(rejects[-1].value or b"") == [{"device": "d", "metrics": 1}] * 4_900
    assert rejects[-1].detail.startswith("4900 more elements are bad")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (INNER, {"device": "d", "metrics": [{"ts": TS, "port": "eth1", "octets": "x"}]}),
        (
            "key: host\ntime: {path: ts, unit: ms}\nvalues: {each: 'fields.*'}",
            {"host": "h", "ts": "x", "fields": {"idle": 1}},
        ),
    ],
)
def test_an_element_that_was_rejected_is_rejected_alike_when_read_again(
    text: str, message: dict[str, Any]
) -> None:
    _, (first,) = decode(text, orjson.dumps(message))

    _, (again,) = decode(text, first.value)

    assert (again.reason, again.detail, again.value) == (first.reason, first.detail, first.value)


def test_a_large_parent_is_not_multiplied_by_its_elements() -> None:
    parent: dict[str, Any] = {f"n{i}": i for i in range(20_000)}
    message = {"a": parent | {"b": [1] * 20_000, "s": "x"}}

    events, rejects = decode("explode: a.b\nkey: a.s\nvalues: {v: a.b}", message)

    assert (len(events), rejects) == (20_000, [])


def test_measurements_are_found_by_name_whatever_their_order() -> None:
    text = """
key: device
time: {path: ts, unit: ms}
values:
  temperature: "measurements[name=temperature].value"
  moisture: {path: 'measurements[name="moisture"].value', optional: true}
"""
    first = [{"name": "moisture", "value": 500}, {"name": "temperature", "value": 20}]
    shapes = [first, first[::-1], first[1:]]

    events, rejects = decode(text, *[{"device": "d", "ts": TS, "measurements": s} for s in shapes])

    assert rejects == []
    assert rows(events) == [("d", 20.0, 500.0), ("d", 20.0, 500.0), ("d", 20.0, None)]


@pytest.mark.parametrize("found", [[], [7], {"name": "temperature"}, None, "x"])
def test_a_measurement_that_is_not_there_is_a_reject(found: Any) -> None:
    text = 'key: d\nvalues: {v: "m[name=temperature].value"}'

    events, rejects = decode(text, {"d": "d", "m": found})

    assert (len(events), len(rejects)) == (0, 1)


EACH = """
key: host
values: {each: "fields.*"}
"""


def test_each_field_of_an_object_is_an_entity() -> None:
    message = {"host": "h", "fields": {"idle": 90, "busy": 10.5, "state": "up", "on": True}}
    found = decoder(EACH)

    events, rejects = found.decode([batch(message)])

    assert rejects == []
    assert rows(events) == [("h/idle", 90.0), ("h/busy", 10.5), ("h/on", 1.0)]
    assert found.passed_over["where"] == 1


def test_each_field_of_each_element_is_an_entity() -> None:
    text = "explode: m\nkey: m.host\nvalues: {each: 'm.fields.*'}"
    message = {"m": [{"host": h, "fields": {"x": 1, "y": 2}} for h in "ab"]}

    events, rejects = decode(text, message)

    assert rejects == []
    assert [row[0] for row in rows(events)] == ["a/x", "a/y", "b/x", "b/y"]
    assert events.indices is not None
    assert events.indices.tolist() == [0, 1, 2, 3]


def test_each_field_of_the_message_that_is_not_read_otherwise_is_an_entity() -> None:
    text = "key: s\ntime: {path: ts, unit: ms}\nvalues: {each: {path: '*', as: number}}"

    events, rejects = decode(text, {"s": "st", "ts": TS, "temp": "20.5", "hum": 40})

    assert rejects == []
    assert rows(events) == [("st/temp", 20.5), ("st/hum", 40.0)]


def test_objects_by_name_are_exploded() -> None:
    text = "explode: 'devices.*'\nkey: 'devices.*.name'\nvalues: {t: 'devices.*.value.temp'}"

    events, rejects = decode(text, {"devices": {"a": {"temp": 1}, "b": {"temp": 2}, "c": 3}})

    assert rows(events) == [("a", 1.0), ("b", 2.0)]
    assert [r.index for r in rejects] == [2]


def test_an_array_in_json_as_text_is_exploded() -> None:
    text = """
explode: "body | json.records"
key: "body | json.records.id"
values: {v: "body | json.records.v"}
"""
    body = '{"records": [{"id": 1, "v": 2}, {"id": 2, "v": 3}]}'

    events, rejects = decode(text, {"body": body})

    assert rejects == []
    assert rows(events) == [("1", 2.0), ("2", 3.0)]


def test_fields_of_the_elements_of_a_message_that_is_an_array_are_events() -> None:
    # gnmic's event format.
    message = [{"ts": TS, "tags": {"source": "r1"}, "values": {"/if/in-octets": 5, "x": "up"}}]
    text = """
explode: $message
key: tags.source
time: {path: ts, unit: ms}
values: {each: "values.*"}
"""

    events, rejects = decode(text, orjson.dumps(message))

    assert (events.keys.tolist(), rejects) == (["r1//if/in-octets"], [])


def test_elements_of_which_nothing_is_read_are_events_of_their_parents() -> None:
    text = "explode: a.items\nkey: id\nvalues: [v]"

    events, rejects = decode(text, {"id": "x", "v": 1, "a": {"items": [{}, {"w": 2}]}})

    assert (rows(events), rejects) == ([("x", 1.0), ("x", 1.0)], [])

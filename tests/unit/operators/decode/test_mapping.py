"""Shapes of messages that producers send, each with what has to become of it."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.application.ports import RunContext
from engine.domain.batch import EventBatch, RawBatch
from engine.domain.reject import Reject, RejectReason
from operators.decode.decoder import Decoder
from operators.decode.step import decode_step
from tests.unit.operators.stream import pipeline

NOW = 1_767_225_600_000_000_000
TS = 1_704_067_200_000


def decoder(text: str) -> Decoder:
    return Decoder(EventSpec.model_validate(read(text, {}).data).mapping(), clock=lambda: NOW)


def batch(*documents: Any, stamp: int = NOW) -> RawBatch:
    values = [d if d is None or isinstance(d, bytes) else orjson.dumps(d) for d in documents]
    n = len(values)
    return RawBatch("t", 0, np.arange(n), np.full(n, stamp), values, [b"k"] * n)


def decode(text: str, *documents: Any) -> tuple[EventBatch, list[Reject]]:
    return decoder(text).decode([batch(*documents)])


def rows(events: EventBatch) -> list[tuple[Any, ...]]:
    values = [tuple(None if math.isnan(v) else v for v in row) for row in events.values.tolist()]
    return [(key, *row) for key, row in zip(events.keys.tolist(), values, strict=True)]


# where


CPU = {"name": "cpu", "host": "h1", "ts": TS, "fields": {"idle": 90}}
MEM = {"name": "mem", "host": "h1", "ts": TS, "fields": {"used": 40}}
KINDS = """
where: {path: name, equals: cpu}
key: host
time: {path: ts, unit: ms}
values: {idle: fields.idle}
"""


def test_what_the_conditions_do_not_hold_for_is_passed_over_without_a_reject() -> None:
    found = decoder(KINDS)

    events, rejects = found.decode([batch(*[CPU, MEM] * 60)])

    assert len(events) == 60
    assert rejects == []
    assert found.passed_over == {"where": 60}


def test_what_is_wrong_in_a_message_that_is_meant_stays_a_reject() -> None:
    bad = CPU | {"fields": "none"}

    events, rejects = decode(KINDS, CPU, bad, MEM, b"{", CPU)

    assert events.offsets.tolist() == [0, 4]
    assert [(r.offset, r.reason) for r in rejects] == [
        (1, RejectReason.WRONG_TYPE),
        (3, RejectReason.NOT_JSON),
    ]


@pytest.mark.parametrize(
    ("where", "held"),
    [
        ("{path: a, equals: 1}", [1, 1.0]),
        ("{path: a, equals: true}", [True]),
        ('{path: a, equals: "1"}', ["1"]),
        ("{path: a, in: [1, x]}", [1, 1.0, "x"]),
        ("{path: a, exists: true}", [1, 1.0, True, "1", "x", [1], {"b": 2}]),
        ("{path: a, exists: false}", [None]),
        ("{path: a, matches: '^[1x]$'}", [1, "1", "x"]),
        ("{path: a.b, equals: 2}", [{"b": 2}]),
        ("{not: {path: a, exists: true}}", [None]),
        ("{or: [{path: a, equals: x}, {path: a, equals: true}]}", [True, "x"]),
        ("{and: [{path: a, in: [1, x]}, {not: {path: a, equals: x}}]}", [1, 1.0]),
        ("[{path: a, in: [1, x]}, {path: a, matches: x}]", ["x"]),
    ],
)
def test_conditions_hold_for_values_of_their_type(where: str, held: list[Any]) -> None:
    text = f"where: {where}\nkey: s\nvalues: [v]"
    values: list[Any] = [None, 1, 1.0, True, "1", "x", [1], {"b": 2}]

    events, rejects = decode(text, *[{"s": "s", "v": 1, "a": value} for value in values])

    assert rejects == []
    kept = [values[offset] for offset in events.offsets.tolist()]
    assert [(type(v), v) for v in kept] == [(type(v), v) for v in held]


def test_tombstones_are_passed_over_where_the_file_says_so() -> None:
    found = decoder("tombstones: skip\nkey: s\nvalues: [v]")

    events, rejects = found.decode([batch(*[{"s": "a", "v": 1}, None] * 2)])

    assert (len(events), rejects) == (2, [])
    assert found.passed_over == {"tombstone": 2}


def test_what_is_passed_over_is_counted_by_reason() -> None:
    context = RunContext("t")
    mapping = EventSpec.model_validate(read(KINDS, {}).data).mapping()
    step = decode_step(pipeline(mapping=mapping), context)

    step([batch(CPU, MEM)])

    value = context.telemetry.registry.get_sample_value

    assert value("pynomaly_passed_over_total", {"reason": "where"}) == 1


# explode


def port(name: str, octets: Any) -> dict[str, Any]:
    return {"ts": TS, "tags": {"port": name}, "values": {"octets": octets}}


WHOLE = """
explode: $message
key: tags.port
time: {path: ts, unit: ms}
values: {octets: values.octets}
"""
INNER = """
explode: metrics
key: [device, metrics.tags.port]
time: {path: metrics.ts, unit: ms}
values: {octets: metrics.values.octets}
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


def test_conditions_hold_for_elements_and_for_messages() -> None:
    text = (
        INNER
        + """
where:
  - {path: kind, equals: net}
  - {not: {path: metrics.tags.port, equals: lo}}
"""
    )
    found = decoder(text)
    message = {"kind": "net", "device": "d", "metrics": [port("lo", "x"), port("eth1", 1)]}

    events, rejects = found.decode([batch(message, {"kind": "cpu"}, message)])

    assert rejects == []
    assert rows(events) == [("d/eth1", 1.0)] * 2
    assert found.passed_over["where"] == 3


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


# by name, each, JSON as text


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


@pytest.mark.parametrize("path", ["log | json.ms", "log | json | ms", "log|json.ms"])
def test_json_that_stands_as_text_is_read(path: str) -> None:
    text = f"key: s\nvalues: {{ms: '{path}'}}"
    good = {"s": "x", "log": '{"ms": 3}'}

    events, rejects = decode(text, good, *[{"s": "x", "log": bad} for bad in ("{", 5, "5", None)])

    assert rows(events) == [("x", 3.0)]
    assert [r.reason for r in rejects] == [
        RejectReason.WRONG_TYPE,
        RejectReason.WRONG_TYPE,
        RejectReason.WRONG_TYPE,
        RejectReason.MISSING_VALUE,
    ]


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


# numbers


@pytest.mark.parametrize(
    ("options", "found", "number"),
    [
        ("as: number", "1.25", 1.25),
        ("as: number", " -1e3 ", -1000.0),
        ("as: number", 7, 7.0),
        ("as: number, optional: true", "NaN", None),
        ("as: number, decimal: ','", "20,3", 20.3),
        ("as: number, decimal: ','", "1.013,25", 1013.25),
        ("as: number, decimal: ','", "1 013,25", 1013.25),
        ("as: number", "1,234,567.5", 1234567.5),
        ("as: number", "1'234.5", 1234.5),
        ("as: number, missing: [unavailable]", "unavailable", None),
        ("as: number, missing: [unavailable]", "21.5", 21.5),
        ("missing: [-200, '']", -200, None),
        ("missing: [-200, '']", -200.0, None),
        ("missing: [-200, '']", "", None),
        ("missing: [-200]", 3, 3.0),
        ("map: {on: 1, off: 0}", "on", 1.0),
        ("map: {on: 1, off: 0}", "off", 0.0),
        ("map: {'true': 5}", True, 5.0),
        ("map: {'3': 30}", 3, 30.0),
        ("as: quantity", "512Mi", 512 * 2.0**20),
        ("as: quantity", "250m", 0.25),
        ("as: quantity", "1.5k", 1500.0),
        ("as: quantity, unit: B", "12.5 kB", 12_500.0),
        ("as: quantity, unit: °C", "20.3 °C", 20.3),
        ("as: quantity, unit: s, decimal: ','", "3,5 ms", 0.0035),
        ("as: decimal, scale: 2", base64.b64encode(b"\x04\xd2").decode(), 12.34),
        ("as: decimal, scale: 2", base64.b64encode(b"\xff\x9c").decode(), -1.0),
        ("as: decimal", {"scale": 3, "value": base64.b64encode(b"\x04\xd2").decode()}, 1.234),
    ],
)
def test_numbers_are_read_as_the_file_says(options: str, found: Any, number: Any) -> None:
    text = f"key: s\nvalues: {{v: {{path: v, {options}}}}}"

    events, rejects = decode(text, {"s": "x", "v": found})

    assert [r.detail for r in rejects] == []
    assert rows(events) == [("x", number)]


@pytest.mark.parametrize(
    ("options", "found", "reason", "detail"),
    [
        ("optional: false", "1.25", RejectReason.WRONG_TYPE, "set as: number"),
        ("optional: true", "20,3", RejectReason.WRONG_TYPE, 'as: number and decimal: ","'),
        ("as: number", "20,3", RejectReason.WRONG_TYPE, 'set decimal: ","'),
        ("as: number", "1,234", RejectReason.WRONG_TYPE, "decimal sign"),
        ("as: number", "1_2", RejectReason.WRONG_TYPE, "decimal sign"),
        ("as: number", "NaN", RejectReason.NOT_FINITE, "expected a finite number"),
        ("as: number, optional: true", "+Inf", RejectReason.NOT_FINITE, "expected a finite number"),
        ("as: number", "1e999", RejectReason.NOT_FINITE, "expected a finite number"),
        ("map: {on: 1}", "off", RejectReason.WRONG_TYPE, "expected a number or one of on"),
        ("as: quantity", "12.5 kB", RejectReason.WRONG_TYPE, "set unit"),
        ("as: quantity, unit: B", "12 m", RejectReason.WRONG_TYPE, "a number in B"),
        ("as: decimal", "not base64!", RejectReason.WRONG_TYPE, "a decimal in base64"),
        ("missing: [x]", None, RejectReason.NULL_VALUE, "v is null"),
        ("missing: [x]", [1], RejectReason.WRONG_TYPE, "expected a number"),
    ],
)
def test_a_value_that_is_not_a_number_reports_the_setting_to_change(
    options: str, found: Any, reason: RejectReason, detail: str
) -> None:
    text = f"key: s\nvalues: {{v: {{path: v, {options}}}}}"

    events, (reject,) = decode(text, {"s": "x", "v": found})

    assert len(events) == 0
    assert reject.reason is reason
    assert detail in reject.detail


def test_debezium_changes_are_read_and_deletes_passed_over() -> None:
    text = """
where: {path: payload.op, in: [c, u, r]}
key: payload.after.id
time: {path: payload.ts_ms, unit: ms}
values: {price: {path: payload.after.price, as: decimal, scale: 2}}
"""
    after = {"id": 7, "price": "BNI="}
    changes = [
        {"payload": {"before": None, "after": after, "op": "c", "ts_ms": TS}},
        {"payload": {"before": after, "after": None, "op": "d", "ts_ms": TS}},
        {"payload": {"before": after, "after": after, "op": "u", "ts_ms": TS}},
    ]

    events, rejects = decode(text, *changes)

    assert rejects == []
    assert rows(events) == [("7", 12.34)] * 2


# times


@pytest.mark.parametrize(
    ("time", "fields", "seconds"),
    [
        ("{path: t, format: iso8601}", {"t": "2024-03-31 02:30:00+00"}, 1711852200),
        ("{path: t, format: iso8601}", {"t": "2024-03-31 02:30:00 UTC"}, 1711852200),
        ("{path: t, format: iso8601}", {"t": "2024-03-31"}, 1711843200),
        ("{path: t, format: iso8601}", {"t": "20240331T023000Z"}, 1711852200),
        ("{path: t, format: iso8601}", {"t": "2024-03-30T24:00:00Z"}, 1711843200),
        ("{path: t, format: iso8601}", {"t": "2024-03-31T02:30:00.0000000000Z"}, 1711852200),
        ("{path: t, format: iso8601}", {"t": "2024-03-31 04:30:00 CEST"}, 1711852200),
        ("{path: t, format: iso8601}", {"t": "2024-03-31T02:29:60Z"}, 1711852200),
        ("{path: t, format: '%Y%m%d%H%M'}", {"t": "202401010005"}, 1704067500),
        ("{path: t, format: '%Y%m%d%H%M'}", {"t": 202401010005}, 1704067500),
        (
            "{path: t, format: '%Y-%m-%d %H:%M:%S %Z'}",
            {"t": "2024-03-31 04:30:00 CEST"},
            1711852200,
        ),
        ("{path: t, format: '%d.%m.%Y %H:%M'}", {"t": "1.2.2024 00:00"}, 1706745600),
        (
            "{path: [d, c], format: '%d/%m/%Y %H.%M.%S'}",
            {"d": "01/02/2024", "c": "00.00.00"},
            1706745600,
        ),
        ("{path: t, format: iso8601, zone: Europe/Berlin}", {"t": "2024-07-01 02:00"}, 1719792000),
        ("{path: t, format: iso8601, zone: Europe/Berlin}", {"t": "2024-07-01 02:00Z"}, 1719799200),
        (
            "{path: t, format: '%d.%m.%Y %H:%M', zone: Europe/Berlin}",
            {"t": "01.01.2024 01:00"},
            1704067200,
        ),
        ("{path: t, unit: ns}", {"t": "1704067200000000001"}, 1704067200.000000001),
    ],
)
def test_times_are_read_as_databases_and_people_write_them(
    time: str, fields: dict[str, Any], seconds: float
) -> None:
    events, rejects = decode(f"key: s\ntime: {time}\nvalues: [v]", {"s": "x", "v": 1} | fields)

    assert rejects == []
    assert events.times[0] / 1e9 == seconds


BERLIN = "key: s\ntime: {path: t, format: iso8601, zone: Europe/Berlin}\nvalues: [v]"
CLOCKS = ["01:45", "02:15", "02:45", "02:00", "02:30", "03:00", "03:30"]


def test_the_hour_that_comes_twice_is_distinguished_by_order_for_each_entity() -> None:
    night = [{"s": s, "v": 1, "t": f"2024-10-27 {c}"} for c in CLOCKS for s in "ab"]
    found = decoder(BERLIN)

    halves = [found.decode([batch(*part)])[0] for part in (night[:5], night[5:])]

    events = EventBatch.concatenate(halves)
    gaps = np.diff(events.times[events.keys == "a"]) // 60_000_000_000

    assert gaps.tolist() == [30, 30, 15, 30, 30, 30]
    assert (events.times[events.keys == "a"] == events.times[events.keys == "b"]).all()
    assert found.ambiguous == "2024-10-27 02:15"


def test_the_hour_that_comes_twice_is_distinguished_by_near_message_timestamps() -> None:
    second = 1_729_992_600_000_000_000  # 01:30 UTC, when 02:30 comes the second time

    events, _ = decoder(BERLIN).decode(
        [batch({"s": "a", "v": 1, "t": "2024-10-27 02:30"}, stamp=second)]
    )

    assert events.times.tolist() == [second]


# all is accounted for


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["m", "s", "v", "t", "name", "x"]), inner, max_size=5)
    ),
    max_leaves=12,
)
TEXTS = [
    "explode: m\nkey: [s, m.s]\nvalues: {v: {path: m.v, as: number}}",
    "explode: $message\nkey: s\ntime: {path: t, format: iso8601, zone: Asia/Tokyo}\n"
    "values: {v: 'm[name=x].v'}",
    "explode: m.v\nkey: m.s\nvalues: {v: m.v.v, x: {path: m.v.x, optional: true, missing: [x]}}",
    "where: {not: {path: m.s, equals: x}}\nkey: s\nvalues: {v: {path: 'v | json.x', map: {x: 1}}}",
    "key: {const: c}\nwhere: {path: x, exists: false}\nvalues: {each: {path: 'm.*', as: quantity}}",
]


@given(st.lists(SHAPES, min_size=1, max_size=6), st.sampled_from(TEXTS), st.integers(0, 6))
def test_all_shapes_are_accounted_for_however_the_stream_is_cut(
    shapes: list[Any], text: str, cut: int
) -> None:
    found, cut_up = decoder(text), decoder(text)
    payloads = []
    for shape in shapes:
        try:
            payloads.append(orjson.dumps(shape))
        except TypeError:
            payloads.append(b"x")
    whole = RawBatch("t", 0, np.arange(len(payloads)), np.full(len(payloads), NOW), payloads)

    events, rejects = found.decode([whole])

    seen = {*events.offsets.tolist(), *(r.offset for r in rejects)}

    assert len(seen) + sum(found.passed_over.values()) >= len(payloads)
    parts = [
        RawBatch("t", 0, whole.offsets[rows], whole.timestamps[rows], payloads[rows])
        for rows in (slice(0, cut), slice(cut, None))
        if payloads[rows]
    ]
    results = [cut_up.decode([part]) for part in parts]
    assert [k for e, _ in results for k in e.keys] == events.keys.tolist()
    assert [i for e, _ in results if e.indices is not None for i in e.indices] == (
        [] if events.indices is None else events.indices.tolist()
    )
    assert [(r.offset, r.index, r.detail) for _, rs in results for r in rs] == [
        (r.offset, r.index, r.detail) for r in rejects
    ]


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


@pytest.mark.parametrize(
    ("payload", "hint"),
    [
        (b'{"id":"a","cpu0.p_cpu":1}', 'a field is called cpu0.p_cpu: write ["cpu0.p_cpu"]'),
        (b'{"id":"a","v":1}\n{"id":"b","v":1}', "set event.format: json_lines"),
        (b'[{"id":"a","v":1},', "a document must be on one line"),
        (b"\x1f\x8b\x08", "it begins like gzip"),
        ('{"id":"a"}'.encode("utf-16"), "it begins like UTF-16"),
        (b"cpu,host=a idle=1", "it begins 'cpu,host=a i': set event.format"),
        (b"\x82\xa2id", "it begins '\\\\x82\\\\xa2id': set event.format"),
    ],
)
def test_a_reject_says_what_to_do(payload: bytes, hint: str) -> None:
    _, (reject,) = decode("key: id\nvalues: [cpu0.p_cpu]", payload)

    assert hint in reject.detail


def test_a_zone_behind_an_offset_is_read_as_java_writes_it() -> None:
    text = "key: id\ntime: {path: ts, format: iso8601}\nvalues: [v]"
    written = "2024-01-01T01:00+01:00[Europe/Berlin]"

    events, rejects = decode(text, orjson.dumps({"id": "a", "ts": written, "v": 1}))

    assert (events.times.tolist(), rejects) == ([TS * 1_000_000], [])


@pytest.mark.parametrize("written", [1_704_067_200, "1704067200"])
def test_a_number_where_a_text_of_a_time_is_expected_is_reported_with_how_to_read(
    written: object,
) -> None:
    text = "key: id\ntime: {path: ts, format: iso8601}\nvalues: [v]"

    _, (reject,) = decode(text, orjson.dumps({"id": "a", "ts": written, "v": 1}))

    assert "set unit instead of format" in reject.detail


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ({"Sensor": "a", "v": {"temp": 1}}, 'nothing at sensor; a field is called "Sensor"'),
        ({"sensors": "a", "v": {"temp": 1}}, 'nothing at sensor; a field is called "sensors"'),
        ({"sensor": "a", "v": {"temp_c": 1}}, 'at v.temp; a field is called "temp_c"'),
        ({"id": "a", "v": {"temp": 1}}, "nothing at sensor; the fields are id, v"),
    ],
)
def test_a_missing_field_is_reported_with_the_name_that_is_nearly_right(
    message: Any, hint: str
) -> None:
    _, (reject,) = decode("key: sensor\nvalues: {temp: v.temp}", message)

    assert reject.detail.endswith(hint)

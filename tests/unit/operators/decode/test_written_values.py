"""Numbers and times as producers write them, and what rejects of others say."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import orjson
import pytest

from engine.domain.batch import EventBatch
from engine.domain.reject import RejectReason
from tests.unit.operators.decode.mapping_case import (
    TS,
    batch,
    decode,
    decoder,
    rows,
)


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


@pytest.mark.parametrize("found", [{}, [], {"type": "LOGIN"}])
def test_what_else_is_there_is_a_text_or_a_number(found: Any) -> None:
    events, rejects = decode(
        "key: s\nvalues: {v: {path: t, map: {'*': 0}}}", {"s": "x", "t": found}
    )

    assert (rows(events), rejects[0].reason) == ([], RejectReason.WRONG_TYPE)


def test_an_object_on_the_way_to_a_text_is_not_what_else_is_there() -> None:
    text = "key: s\nvalues: {v: {path: t.u, map: {'*': 0}}}"

    events, rejects = decode(text, {"s": "x", "t": "LOGIN"})

    assert (rows(events), len(rejects)) == ([], 1)


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
        ("map: {LOGIN_ERROR: 1, '*': 0}", "LOGIN_ERROR", 1.0),
        ("map: {LOGIN_ERROR: 1, '*': 0}", "LOGOUT", 0.0),
        ("map: {'200': 0, '*': 1}", 503, 1.0),
        ("map: {'200': 0, '*': 1}", 200, 0.0),
        ("map: {a: 1, '*': 0}, optional: true", None, None),
        ("map: {a: 1, '*': 0}, missing: ['-']", "-", None),
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


def test_a_time_without_a_year_is_read_by_the_timestamp_of_its_message() -> None:
    text = """
key: host
time: {path: at, format: "%b %d %H:%M:%S"}
values: [v]
"""
    new_year = 1_767_225_600_000_000_000

    events, rejects = decoder(text).decode(
        [
            batch({"host": "h", "at": "Dec 31 23:59:59", "v": 1}, stamp=new_year + 10**12),
            batch({"host": "h", "at": "Jan  1 00:00:01", "v": 1}, stamp=new_year + 10**12),
        ]
    )

    assert rejects == []
    assert events.times.tolist() == [new_year - 10**9, new_year + 10**9]


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


@pytest.mark.parametrize(
    ("payload", "hint"),
    [
        (b'{"id":"a","cpu0.p_cpu":1}', 'a field is called cpu0.p_cpu: write ["cpu0.p_cpu"]'),
        (b'{"id":"a","v":1}\n{"id":"b","v":1}', "set event.format: json_lines"),
        (b'[{"id":"a","v":1},', "a document must be on one line"),
        (b"\x1f\x8b\x08", "it begins like gzip"),
        ('{"id":"a"}'.encode("utf-16"), "it begins like UTF-16"),
        (b"cpu,host=a idle=1", "it begins 'cpu,host=a i': set event.format"),
        (b"2026-11-30 INFO ready", "it begins '2026-11-30 I': set event.format"),
        (b"\0\0\0\0\7\4id", "begins like Avro or Protobuf with schema 7 of a registry"),
        (b"\0\0\0\0\7\4\xff", "schema 7 of a registry: set event.format, such as avro:"),
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

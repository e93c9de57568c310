"""Messages as specifications show them and producers send them, in formats and envelopes."""

from __future__ import annotations

import json
import struct
from typing import Any

import cbor2
import cramjam
import orjson
import pytest

from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import TS, decode, entities, field, varint

STALE = bytes.fromhex("020000000000f07f")
REMOTE = """
format: prometheus
key: [name, labels.instance]
time: {path: timestamp, unit: ms}
values: [value]
"""
SENML = """
format: senml
key: name
time: {path: time, unit: s}
values: [value]
"""


def packed(*parts: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(b"".join(parts)))


def sample(value: bytes, stamp: int) -> bytes:
    return varint(1 << 3 | 1) + value + field(2, stamp)


def test_samples_of_remote_write_2_0_have_the_labels_of_its_symbols() -> None:
    symbols = ["", "__name__", "up", "instance", "node:9100"]
    labels = field(1, b"".join(map(varint, [1, 2, 3, 4])))
    series = labels + field(2, sample(struct.pack("<d", 1.0), TS))

    events, rejects = decode(REMOTE, packed(*(field(4, s) for s in symbols), field(5, series)))

    assert (entities(events), rejects) == ([("up/node:9100", 1.0)], [])
    assert events.times.tolist() == [TS * 1_000_000]


def test_labels_of_remote_write_2_0_that_point_at_no_symbol_are_a_reject() -> None:
    series = field(1, b"".join(map(varint, [1, 9]))) + field(2, sample(bytes(8), TS))

    _, rejects = decode(REMOTE, packed(field(4, ""), field(5, series)))

    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT]
    assert "labels point at no symbols" in rejects[0].detail


@pytest.mark.parametrize(("series_field", "histogram_field"), [(1, 4), (5, 3)])
def test_native_histograms_of_remote_write_have_their_mean(
    series_field: int, histogram_field: int
) -> None:
    symbols = [field(4, text) for text in ("", "__name__", "lat", "instance", "n")]
    pairs = [("__name__", "lat"), ("instance", "n")]
    named = [field(1, field(1, name) + field(2, text)) for name, text in pairs]
    labels = named if series_field == 1 else [field(1, bytes([1, 2, 3, 4]))]
    histogram = field(1, 4) + field(3, 10.0) + field(15, TS)
    series = b"".join(labels) + field(histogram_field, histogram)

    events, rejects = decode(
        REMOTE, packed(*(symbols if series_field == 5 else []), field(series_field, series))
    )

    assert (entities(events), rejects) == ([("lat/n", 2.5)], [])


def test_the_end_of_a_series_is_no_sample_of_remote_write() -> None:
    labels = field(1, field(1, "__name__") + field(2, "up")) + field(
        1, field(1, "instance") + field(2, "n")
    )
    series = labels + field(2, sample(struct.pack("<d", 1.0), TS)) + field(2, sample(STALE, TS + 1))

    events, rejects = decode(REMOTE, packed(field(1, series)))

    assert (entities(events), rejects) == ([("up/n", 1.0)], [])


def test_a_point_of_otlp_without_a_value_is_left_out() -> None:
    points = [{"timeUnixNano": str(TS * 10**6), "flags": 1}]
    points.append({"timeUnixNano": str(TS * 10**6), "asDouble": 1.5})
    metric = {"name": "up", "gauge": {"dataPoints": points}}
    payload = orjson.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})

    events, rejects = decode(
        "format: otlp_metrics\nkey: name\ntime: {path: time, unit: ns}\nvalues: [value]", payload
    )

    assert (entities(events), rejects) == ([("up", 1.5)], [])


# The examples of RFC 8428, sections 5.1.2, 5.1.3 and 6.


def test_records_of_senml_have_the_base_name_and_time() -> None:
    pack = [
        {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e09, "bu": "A", "bver": 5},
        {"n": "voltage", "u": "V", "v": 120.1},
        {"n": "current", "t": -5, "v": 1.2},
        {"n": "current", "t": -4, "v": 1.3},
    ]

    events, rejects = decode(SENML, orjson.dumps(pack))

    name = "urn:dev:ow:10e2073a0108006:"
    expected = [(f"{name}voltage", 120.1), (f"{name}current", 1.2), (f"{name}current", 1.3)]
    assert (entities(events), rejects) == (expected, [])
    seconds = [round(time / 1e9, 3) for time in events.times.tolist()]
    assert seconds == [1276020076.001, 1276020071.001, 1276020072.001]


def test_records_of_senml_in_cbor_are_read() -> None:
    pack = [
        {-2: "urn:dev:ow:10e2073a0108006:", -3: 1276020076.001, -4: "A", 0: "voltage", 2: 120.1},
        {0: "current", 6: -5, 2: 1.2},
    ]

    events, rejects = decode(SENML, cbor2.dumps(pack))

    assert [value for _, value in entities(events)] == [120.1, 1.2]
    assert rejects == []


def test_base_values_of_senml_are_added_to_those_of_its_records() -> None:
    pack = [{"bn": "urn:dev:a:", "bt": 1.276e9, "bv": 20, "n": "t", "v": 1.5}, {"n": "t", "v": 2}]

    events, _ = decode(SENML, orjson.dumps(pack))

    assert [value for _, value in entities(events)] == [21.5, 22]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[", RejectReason.BAD_FORMAT),
        (b'{"n": "t", "v": 1}', RejectReason.BAD_FORMAT),
        (b'[{"n": "t", "bt": "now", "v": 1}]', RejectReason.BAD_FORMAT),
        (b'[{"n": "t", "bt": 1.3e9, "v": "1"}]', RejectReason.WRONG_TYPE),
        (b'[{"n": "t", "bt": 1.3e9, "t": "x", "v": 1}]', RejectReason.BAD_TIME),
        (b"[7]", RejectReason.NOT_AN_OBJECT),
        (b'[{"n": "t", "v": 1, "t": -3}]', RejectReason.BAD_TIME),
        (b'[{"n": "t", "bt": 1.3e9, "vs": "open"}]', RejectReason.MISSING_VALUE),
    ],
)
def test_rejects_invalid_senml(payload: bytes, reason: RejectReason) -> None:
    _, rejects = decode(SENML, payload)

    assert [r.reason for r in rejects] == [reason]


def test_a_relative_time_of_senml_says_what_to_set() -> None:
    pack = b'[{"n": "t", "v": 1, "t": -3}]'

    _, rejects = decode(SENML, pack)

    how = "set {path: relative, unit: s, since: message}"
    assert f"-3 s from sending: {how}" in rejects[0].detail


def test_a_relative_time_of_senml_counts_from_the_message() -> None:
    text = SENML.replace("{path: time, unit: s}", "{path: relative, unit: s, since: message}")

    events, rejects = decode(text, b'[{"n": "t", "v": 1, "t": -3.5}, {"n": "u", "v": 2}]')

    assert rejects == []
    assert (events.times - events.timestamps).tolist() == [-3_500_000_000, 0]


def test_a_span_that_is_no_number_is_a_reject() -> None:
    text = "key: {const: a}\ntime: {path: age, unit: s, since: message}\nvalues: [v]"

    _, rejects = decode(text, b'{"age": "x", "v": 1}', b'{"age": 1e300, "v": 1}')

    assert [reject.reason for reject in rejects] == [RejectReason.BAD_TIME] * 2


# Envelopes.


def connect(schema: dict[str, Any], value: Any) -> bytes:
    return orjson.dumps({"schema": {"fields": [{**schema, "field": "v"}]}, "payload": {"v": value}})


@pytest.mark.parametrize(
    ("schema", "value", "path"),
    [
        ({"name": "io.debezium.data.VariableScaleDecimal"}, {"scale": 2, "value": "BNI="}, "v"),
        ({"type": "map", "values": {"type": "double"}}, [[7, 12.34]], "v.7"),
        ({"type": "map", "values": {"type": "double"}}, {"7": 12.34}, "v.7"),
    ],
)
def test_numbers_in_decimals_and_maps_of_kafka_connect_are_read(
    schema: dict[str, Any], value: Any, path: str
) -> None:
    text = f"format: connect\nkey: {{const: a}}\nvalues: {{v: '{path}'}}"

    events, rejects = decode(text, connect(schema, value))

    assert (entities(events), rejects) == ([("a", 12.34)], [])


def test_a_change_that_was_unwrapped_says_which_format_to_set() -> None:
    _, rejects = decode(
        "format: debezium\nkey: id\nvalues: [v]", b'{"id": 1, "v": 2, "__deleted": "false"}'
    )

    assert "set format: connect" in rejects[0].detail


# Shapes of JSON.


def test_arrays_by_device_of_a_thingsboard_gateway_are_exploded() -> None:
    message = {
        "Device A": [{"ts": TS, "values": {"t": 42}}, {"ts": TS + 1000, "values": {"t": 43}}],
        "Device B": [{"ts": TS, "values": {"t": 44}}],
        "Device C": "offline",
    }
    text = """
explode: "*.value"
key: "*.name"
time: {path: "*.value.ts", unit: ms}
values: {t: "*.value.values.t"}
"""

    events, rejects = decode(text, orjson.dumps(message))

    assert entities(events) == [("Device A", 42), ("Device A", 43), ("Device B", 44)]
    assert [reject.reason for reject in rejects] == [RejectReason.WRONG_TYPE]
    again, _ = decode(text, orjson.dumps({"*": {"name": "A", "value": message["Device B"][0]}}))
    assert entities(again) == [("A", 44)]


def test_values_below_names_that_are_not_known_are_events_as_in_opc_ua() -> None:
    payload = {"Flow": {"Value": 3.5}, "Level": {"Value": 4.5}, "Status": 5, "On": {"Code": 1}}
    message = {"PublisherId": "p", "Messages": [{"Payload": payload}]}
    text = 'explode: Messages\nkey: PublisherId\nvalues: {each: "Messages.Payload.*.Value"}'

    events, rejects = decode(text, orjson.dumps(message))

    assert (entities(events), rejects) == ([("p/Flow", 3.5), ("p/Level", 4.5)], [])


def test_the_base64_body_of_an_iot_hub_is_read() -> None:
    text = 'key: {const: a}\nvalues: {t: "Body | base64 | json.temperature"}'

    events, rejects = decode(
        text,
        b'{"Body": "eyJ0ZW1wZXJhdHVyZSI6MjEuMX0="}',
        b'{"Body": {"temperature": 22.5}}',
        b'{"Body": "?"}',
    )

    assert entities(events) == [("a", 21.1), ("a", 22.5)]
    assert [reject.detail for reject in rejects] == [
        "Body | base64 cannot be read: '?' is not base64 text"
    ]


@pytest.mark.parametrize(
    ("how", "written"),
    [
        ("format: excel", 45292.5),
        ("format: excel", "45292.5"),
        ("format: excel", "45292,5"),
        ("format: excel1904", 43830.5),
        ("format: excel, zone: Europe/Berlin", 45292.541666666664),
    ],
)
def test_times_of_excel_are_read(how: str, written: Any) -> None:
    text = f"key: {{const: a}}\ntime: {{path: ts, {how}}}\nvalues: [v]"

    events, rejects = decode(text, orjson.dumps({"ts": written, "v": 1}))

    assert rejects == []
    assert events.times.tolist() == [1_704_110_400_000_000_000]


def test_date_and_time_of_excel_may_stand_apart() -> None:
    text = "key: {const: a}\ntime: {path: [d, t], format: excel}\nvalues: [v]"

    events, _ = decode(text, b'{"d": 45292, "t": 0.5, "v": 1}')

    assert events.times.tolist() == [1_704_110_400_000_000_000]


def test_times_of_wincc_are_millionths_of_days() -> None:
    text = "key: {const: a}\ntime: {path: ts, format: wincc}\nvalues: [v]"

    events, rejects = decode(
        text, b'{"ts": 45292500000, "v": 1}', b'{"ts": "45292500000,0000", "v": 2}'
    )

    assert rejects == []
    assert events.times.tolist() == [1_704_110_400_000_000_000] * 2


def test_registers_are_read_as_signed_integers() -> None:
    values = "{a: {path: 'r[0]', as: int16}, b: {path: 'r[1]', as: int32}}"
    text = f"key: {{const: a}}\ntime: message\nvalues: {values}"

    events, rejects = decode(
        text, b'{"r": [65535, 4294967295]}', b'{"r": [-5, 7]}', b'{"r": ["32768", 2147483647]}'
    )

    assert rejects == []
    assert events.values.tolist() == [[-1, -1], [-5, 7], [-32768, 2147483647]]


@pytest.mark.parametrize("register", [65536, -32769, 1.5, "x"])
def test_rejects_numbers_that_are_not_registers(register: Any) -> None:
    text = "key: {const: a}\ntime: message\nvalues: {a: {path: r, as: int16}}"

    _, rejects = decode(text, orjson.dumps({"r": register}))

    assert [reject.reason for reject in rejects] == [RejectReason.WRONG_TYPE]


def test_tags_in_an_array_of_texts_are_read_by_name() -> None:
    text = 'key: ["tags[host:]", "labels[env=]"]\ntime: message\nvalues: [v]'

    events, rejects = decode(
        text,
        b'{"tags": ["role:db", "host:web-1:80"], "labels": ["env=prod"], "v": 1}',
        b'{"tags": ["role:db", 7], "labels": ["env=prod"], "v": 2}',
        b'{"tags": "host:web-1", "labels": ["env=prod"], "v": 3}',
    )

    assert entities(events) == [("web-1:80/prod", 1.0)]
    assert [reject.detail for reject in rejects] == [
        "there is nothing at tags[host:]",
        "tags is 'host:web-1', expected an array",
    ]


@pytest.mark.parametrize("written", [59, 1e9, "x", -1])
def test_rejects_numbers_that_are_not_times_of_excel(written: Any) -> None:
    text = "key: {const: a}\ntime: {path: ts, format: excel}\nvalues: [v]"

    _, rejects = decode(text, orjson.dumps({"ts": written, "v": 1}))

    assert [reject.reason for reject in rejects] == [RejectReason.BAD_TIME]


def test_a_time_of_excel_where_iso_8601_is_said_is_reported() -> None:
    text = "key: {const: a}\ntime: {path: ts, format: iso8601}\nvalues: [v]"

    _, rejects = decode(text, b'{"ts": "45292.5", "v": 1}')

    assert "set format: excel" in rejects[0].detail


@pytest.mark.parametrize("name", ["geo\\TIME", "a\tb"])
@pytest.mark.parametrize("explode", ["", "explode: rows\n"])
def test_a_name_with_signs_that_json_escapes_is_read(name: str, explode: str) -> None:
    # Of Eurostat's tables: freq,unit,geo\\TIME_PERIOD.
    row = {name: 1.5, "id": "a"}
    prefix = "rows." if explode else ""
    text = f"{explode}key: {prefix}id\nvalues: {json.dumps({'v': f'{prefix}{name}'})}"

    events, rejects = decode(text, orjson.dumps({"rows": [row]} if explode else row))

    assert (entities(events), rejects) == ([("a", 1.5)], [])


@pytest.mark.parametrize("how", ["iso8601", '"%Y-%m"'])
def test_months_are_their_first_day(how: str) -> None:
    text = f"key: {{const: a}}\ntime: {{path: ts, format: {how}}}\nvalues: [v]"

    events, _ = decode(text, b'{"ts": "2024-01", "v": 1}')

    assert events.times.tolist() == [TS * 1_000_000]


def test_a_spreadsheet_is_detected_by_its_first_bytes() -> None:
    _, rejects = decode("key: {const: a}\nvalues: [v]", b"PK\x03\x04abc")

    assert rejects[0].detail.endswith("it begins like zip, as spreadsheets are: export CSV")

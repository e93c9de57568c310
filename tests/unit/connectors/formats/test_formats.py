"""Formats other than JSON: what their specifications and producers write, and what is broken."""

from __future__ import annotations

import base64
import io
import json
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cbor2
import cramjam
import fastavro
import msgspec
import numpy as np
import orjson
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.domain.batch import EventBatch, Headers, RawBatch
from engine.domain.reject import Reject, RejectReason
from operators.decode.decoder import Decoder

NOW = 1_767_225_600_000_000_000
TS = 1_704_067_200_000
MOMENT = datetime(2024, 1, 1, tzinfo=UTC)


def decoder(text: str) -> Decoder:
    return Decoder(EventSpec.model_validate(read(text, {}).data).mapping(), clock=lambda: NOW)


def decode(
    text: str, *payloads: bytes | None, headers: Headers = ()
) -> tuple[EventBatch, list[Reject]]:
    n = len(payloads)
    stamps = np.full(n, NOW)
    batch = RawBatch("t", 0, np.arange(n), stamps, list(payloads), headers=lambda _row: headers)
    return decoder(text).decode([batch])


def entities(events: EventBatch) -> list[tuple[str, float]]:
    return list(zip(events.keys.tolist(), events.values[:, 0].tolist(), strict=True))


FLAT = "key: sensor\ntime: {path: ts, unit: ms}\nvalues: [temp]\n"
READING = {"sensor": "s1", "ts": TS, "temp": 20.5}

# Protobuf's wire format, written by hand: number, type and value.


def field(number: int, value: int | float | str | bytes) -> bytes:
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value % 2**64)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


AVRO = {
    "type": "record",
    "name": "Reading",
    "fields": [
        {"name": "sensor", "type": "string"},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "temp", "type": ["null", "double"], "default": None},
    ],
}


AVRO_EVENT = FLAT + f"format: {{avro: {{schema_text: {json.dumps(json.dumps(AVRO))}}}}}"


def avro(record: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(AVRO), record)
    return stream.getvalue()


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


def test_lines_of_json_in_a_message_are_events() -> None:
    lines = b'{"sensor":"a","ts":1704067200000,"temp":1}\n\n\x1e{"sensor":"b"'

    events, rejects = decode(FLAT + "format: json_lines", lines)

    assert entities(events) == [("a", 1.0)]
    assert [(r.index, r.reason) for r in rejects] == [(1, RejectReason.NOT_AN_OBJECT)]


def test_a_batch_of_cloudevents_is_exploded() -> None:
    batch = orjson.dumps([{**EVENT, "data": {"t": 1}}, {"no": "event"}])

    events, rejects = decode(f"{CLOUD}\nexplode: $message", batch)

    assert entities(events) == [("/s", 1.0)]
    assert [(r.index, r.reason) for r in rejects] == [(1, RejectReason.MISSING_KEY)]


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


def test_rows_of_csv_in_a_message_are_read() -> None:
    text = FLAT + "format: {csv: {names: [sensor, ts, temp], delimiter: ';', decimal: ','}}"

    events, rejects = decode(text, f"007;{TS};20,5\n7;{TS};1\n7;{TS};1;2\n".encode())

    assert entities(events) == [("007", 20.5), ("7", 1.0)]
    assert [(r.index, r.reason) for r in rejects] == [(2, RejectReason.NOT_AN_OBJECT)]


def test_a_message_of_csv_may_have_its_header() -> None:
    events, rejects = decode(FLAT + "format: csv", f"sensor,ts,temp\na,{TS},1.5\n".encode())

    assert (entities(events), rejects) == ([("a", 1.5)], [])


INFLUX = """
format: influx
where: {path: measurement, equals: cpu}
key: tags.host
time: {path: time, unit: ns}
values: {idle: fields.idle}
"""


def test_lines_of_influx_are_read() -> None:
    lines = [
        rf'cpu,host=web\ 1,region=eu\,1 idle=90.5,n=7i,on=t,state="a \"b\", c" {TS * 1_000_000}',
        f"mem,host=h used=1 {TS * 1_000_000}",
        "# a comment",
        f"cpu,host=h2 idle=1e1 {TS * 1_000_000}",
        "cpu,host=h3 idle=",
    ]

    events, rejects = decode(INFLUX, "\n".join(lines).encode())

    assert entities(events) == [("web 1", 90.5), ("h2", 10.0)]
    assert events.times.tolist() == [TS * 1_000_000] * 2
    assert rejects == []


def test_a_broken_line_of_influx_is_a_reject_of_its_own() -> None:
    text = INFLUX.replace("where: {path: measurement, equals: cpu}\n", "")

    events, rejects = decode(text, f"cpu,host=a idle=1 {TS * 1_000_000}\ncpu host idle\n".encode())

    assert entities(events) == [("a", 1.0)]
    assert [(r.index, r.reason) for r in rejects] == [(1, RejectReason.NOT_AN_OBJECT)]


# The example of the OTLP specification, shortened.
OTLP = {
    "resourceMetrics": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeMetrics": [
                {
                    "scope": {"name": "my.library"},
                    "metrics": [
                        {
                            "name": "my.gauge",
                            "unit": "1",
                            "gauge": {
                                "dataPoints": [
                                    {
                                        "asDouble": 10,
                                        "timeUnixNano": "1704067200000000000",
                                        "attributes": [{"key": "cpu", "value": {"intValue": "3"}}],
                                    }
                                ]
                            },
                        },
                        {
                            "name": "my.histogram",
                            "histogram": {
                                "dataPoints": [
                                    {"timeUnixNano": "1704067200000000000", "count": "2", "sum": 3}
                                ]
                            },
                        },
                    ],
                }
            ],
        }
    ]
}
OTLP_EVENT = """
format: otlp_metrics
key: ['resource["service.name"]', name]
time: {path: time, unit: ns}
values: [value]
"""


def otlp_binary() -> bytes:
    return bytes(ParseDict(OTLP, ExportMetricsServiceRequest()).SerializeToString())


def test_otlp_metrics_are_read_as_json_and_as_protobuf() -> None:
    events, rejects = decode(OTLP_EVENT, orjson.dumps(OTLP), otlp_binary(), b"{}", b"\xff")

    points = [("shop/my.gauge", 10.0), ("shop/my.histogram", 1.5)]

    assert entities(events) == points * 2
    assert set(events.times.tolist()) == {TS * 1_000_000}
    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT] * 2


@pytest.mark.parametrize("count", [1, 3])
def test_requests_of_otlp_behind_their_lengths_are_read(count: int) -> None:
    # As metric streams of Amazon's CloudWatch write them.
    binary = otlp_binary()
    length = bytes([len(binary) & 0x7F | 0x80, len(binary) >> 7])

    events, rejects = decode(OTLP_EVENT, (length + binary) * count)

    assert entities(events) == [("shop/my.gauge", 10.0), ("shop/my.histogram", 1.5)] * count
    assert rejects == []


OTLP_LOG = {
    "timeUnixNano": "1704067200000000000",
    "severityText": "ERROR",
    "severityNumber": 17,
    "body": {"stringValue": "payment failed"},
    "attributes": [{"key": "took", "value": {"doubleValue": 2.5}}],
}
OTLP_LOGS = {
    "resourceLogs": [
        {
            "resource": {"attributes": [{"key": "host", "value": {"stringValue": "h1"}}]},
            "scopeLogs": [{"logRecords": [OTLP_LOG]}],
        }
    ]
}


def test_otlp_logs_are_read() -> None:
    text = "format: otlp_logs\nkey: resource.host\ntime: {path: time, unit: ns}\n"

    events, rejects = decode(text + "values: {took: attributes.took}", orjson.dumps(OTLP_LOGS))

    assert (entities(events), rejects) == ([("h1", 2.5)], [])


OTLP_SPAN = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "name": "GET /cart",
    "kind": 2,
    "startTimeUnixNano": "1704067200000000000",
    "endTimeUnixNano": "1704067200012500000",
    "attributes": [{"key": "http.route", "value": {"stringValue": "/cart"}}],
    "status": {"code": "STATUS_CODE_ERROR"},
}
OTLP_TRACES = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "host", "value": {"stringValue": "h1"}}]},
            "scopeSpans": [{"spans": [OTLP_SPAN]}],
        }
    ]
}
OTLP_TRACES_EVENT = """
format: otlp_traces
where: [{path: kind, equals: SERVER}, {path: status, equals: ERROR}]
key: [resource.host, name]
time: {path: time, unit: ns}
values: [duration]
"""


def test_otlp_spans_are_read_as_json_and_as_protobuf() -> None:
    binary = ParseDict(OTLP_TRACES, ExportTraceServiceRequest()).SerializeToString()

    events, rejects = decode(OTLP_TRACES_EVENT, orjson.dumps(OTLP_TRACES), binary)

    assert (entities(events), rejects) == ([("h1/GET /cart", 0.0125)] * 2, [])
    assert set(events.times.tolist()) == {TS * 1_000_000}


def test_a_span_without_an_end_has_no_duration() -> None:
    open_span = {name: value for name, value in OTLP_SPAN.items() if name != "endTimeUnixNano"}
    scope = {"scopeSpans": [{"spans": [open_span, OTLP_SPAN]}]}

    _, (reject,) = decode(
        OTLP_TRACES_EVENT.replace("resource.host, ", ""), orjson.dumps({"resourceSpans": [scope]})
    )

    assert (reject.index, reject.detail) == (0, "duration is null")


def remote_write(name: str, labels: dict[str, str], samples: list[tuple[float, int]]) -> bytes:
    series = b"".join(
        field(1, field(1, key) + field(2, value))
        for key, value in {"__name__": name, **labels}.items()
    )
    series += b"".join(field(2, field(1, value) + field(2, stamp)) for value, stamp in samples)
    return bytes(cramjam.snappy.compress_raw(field(1, series)))


def test_samples_of_prometheus_remote_write_are_read() -> None:
    text = """
format: prometheus
where: {path: name, equals: node_load1}
key: labels.instance
time: {path: timestamp, unit: ms}
values: {load: {path: value, optional: true}}
"""
    stale = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
    payload = remote_write("node_load1", {"instance": "n1"}, [(1.25, TS), (stale, TS + 1)])

    events, rejects = decode(text, payload, b"\xff\xff\xff\xff\xff\xff")

    assert entities(events) == [("n1", 1.25)]
    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT]


def test_metrics_of_sparkplug_are_read_by_name() -> None:
    text = """
format: sparkplug
key: {const: device}
time: {path: timestamp, unit: ms}
values: {t: 'metrics[name=temperature].value', n: 'metrics[name=count].value'}
"""
    temperature = field(1, "temperature") + field(4, 10) + field(13, 20.5)
    count = field(1, "count") + field(4, 3) + field(10, -5 % 2**32)
    body = field(1, TS) + field(3, 7)
    orders = [
        body + field(2, a) + field(2, b) for a, b in ((temperature, count), (count, temperature))
    ]

    events, rejects = decode(text, *orders, orders[0][:-3])

    assert events.values.tolist() == [[20.5, -5.0]] * 2
    assert [r.reason for r in rejects] == [RejectReason.BAD_FORMAT]


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


CLOUD = "format: cloudevents\nkey: source\ntime: {path: time, format: iso8601}\nvalues: {t: data.t}"
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/s",
    "type": "x",
    "time": "2024-01-01T00:00:00Z",
}


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


DESCRIPTOR = Path(__file__).with_name("reading.desc")
"""Of `message Reading { string sensor = 1; int64 ts = 2; double temp = 3; Inner inner = 4; }`."""
PROTOBUF_EVENT = f"""{FLAT}
format: {{protobuf: {{descriptor: "{DESCRIPTOR}", message: plant.Reading}}}}
"""
OTLP_LOGS_EVENT = "format: otlp_logs\nkey: severity\nvalues: {took: attributes.took}"
GOOD = {
    "avro": (AVRO_EVENT, avro(READING)),
    "cbor": (FLAT + "format: cbor", cbor2.dumps(READING)),
    "cloudevents": (CLOUD, orjson.dumps({**EVENT, "data": {"t": 1}})),
    "connect": (FLAT + "format: connect", orjson.dumps({"schema": {}, "payload": READING})),
    "csv": (FLAT + "format: csv", f"sensor,ts,temp\na,{TS},1.5\n".encode()),
    "debezium": (
        "format: debezium\nkey: id\nvalues: [v]",
        b'{"after":{"id":1,"v":2},"op":"c","ts_ms":1704067200000}',
    ),
    "influx": (INFLUX, f"cpu,host=a idle=1 {TS * 1_000_000}\ncpu,host=b idle=2".encode()),
    "json_schema": (FLAT + "format: json_schema", b"\0\0\0\0\7" + orjson.dumps(READING)),
    "json_lines": (
        FLAT + "format: json_lines",
        orjson.dumps(READING) + b"\n" + orjson.dumps(READING),
    ),
    "msgpack": (FLAT + "format: msgpack", msgspec.msgpack.encode(READING)),
    "otlp_metrics": (OTLP_EVENT, orjson.dumps(OTLP)),
    "otlp_metrics_binary": (OTLP_EVENT, otlp_binary()),
    "otlp_logs": (OTLP_LOGS_EVENT, orjson.dumps(OTLP_LOGS)),
    "otlp_traces": (OTLP_TRACES_EVENT, orjson.dumps(OTLP_TRACES)),
    "regex": (
        r"format: {regex: {pattern: '(?P<a>\S+) (?P<v>[0-9.]+)'}}" + "\nkey: a\nvalues: [v]",
        b"h1 12.5\nh2 3",
    ),
    "logfmt": ("format: logfmt\nkey: a\nvalues: [v]", b'a=h1 v=12.5 msg="a b" done\na=h2 v=3'),
    "prometheus": (
        "format: prometheus\nkey: name\nvalues: [value]",
        remote_write("n", {"a": "b"}, [(1.0, TS)]),
    ),
    "protobuf": (
        PROTOBUF_EVENT,
        field(1, "s1") + field(2, TS) + field(3, 20.5) + field(4, field(1, b"\x02\x04")),
    ),
    "senml": (
        "format: senml\nkey: name\ntime: {path: time, unit: s}\nvalues: [value]",
        b'[{"bn":"a:","bt":1.3e9,"n":"t","v":1},{"n":"h","t":-5,"v":2}]',
    ),
    "senml_binary": (
        "format: senml\nkey: name\ntime: {path: time, unit: s}\nvalues: [value]",
        cbor2.dumps([{-2: "a:", -3: 1.3e9, 0: "t", 2: 1}, {0: "h", 6: -5, 2: 2}]),
    ),
    "statsd": (
        "format: statsd\nkey: name\nvalues: [value]",
        b"users.online:1:2|c|@0.1|#host:a,b\ncpu;host=a:3.2|g|T1704067200",
    ),
    "sparkplug": (
        "format: sparkplug\nkey: {const: d}\nvalues: {each: 'metrics.*'}",
        field(1, TS) + field(2, field(1, "t") + field(4, 10) + field(13, 20.5)),
    ),
}
"""Of each format an event mapping, and a message that it reads."""


def keyed(part: str, *keys: bytes) -> tuple[list[str], list[Reject]]:
    n = len(keys)
    batch = RawBatch("t", 0, np.arange(n), np.full(n, NOW), [b'{"v":1}'] * n, keys)
    events, rejects = decoder(f"key: {part}\nvalues: [v]").decode([batch])
    return events.keys.tolist(), rejects


AVRO_KEY = json.dumps({"type": "record", "name": "K", "fields": [{"name": "id", "type": "int"}]})


@pytest.mark.parametrize(
    ("part", "key", "expected"),
    [
        (f"{{message: {{avro: {{schema_text: {json.dumps(AVRO_KEY)}}}}}}}", b"\x0e", "7"),
        (f"{{message: {{avro: {{schema_text: {json.dumps(AVRO_KEY)}}}}}, path: id}}", b"\x0e", "7"),
        ("{message: {avro: {schema_text: '\"string\"'}}}", b"\x02a", "a"),
        ("{message: json, path: a.id}", b'{"a":{"id":"x"},"b":1}', "x"),
        ("{message: json}", b'"x"', "x"),
        # Debezium's key with its schema.
        ("{message: connect}", b'{"schema":{"type":"struct"},"payload":{"id":7}}', "7"),
    ],
)
def test_keys_have_formats_too(part: str, key: bytes, expected: str) -> None:
    keys, rejects = keyed(part, key, key)

    assert (keys, rejects) == ([expected] * 2, [])


def test_a_key_of_another_format_is_a_reject_that_says_so() -> None:
    _, rejects = keyed("{message: json}", b'{"a":1,"b":2}', b"\xff", b'{"a":[]}')

    assert [r.reason for r in rejects] == [RejectReason.BINARY_KEY] * 3
    assert "set path beside message" in rejects[0].detail
    assert "the message key: not JSON" in rejects[1].detail

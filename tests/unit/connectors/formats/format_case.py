"""Decodes messages of a format, for tests."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import cbor2
import cramjam
import fastavro
import msgspec
import numpy as np
import orjson
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from engine.application.config.document import read
from engine.application.config.event import EventSpec
from engine.domain.batch import EventBatch, Headers, RawBatch
from engine.domain.reject import Reject
from operators.decode.decoder import Decoder

NOW = 1_767_225_600_000_000_000
TS = 1_704_067_200_000


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


INFLUX = """
format: influx
where: {path: measurement, equals: cpu}
key: tags.host
time: {path: time, unit: ns}
values: {idle: fields.idle}
"""


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


def remote_write(name: str, labels: dict[str, str], samples: list[tuple[float, int]]) -> bytes:
    series = b"".join(
        field(1, field(1, key) + field(2, value))
        for key, value in {"__name__": name, **labels}.items()
    )
    series += b"".join(field(2, field(1, value) + field(2, stamp)) for value, stamp in samples)
    return bytes(cramjam.snappy.compress_raw(field(1, series)))


CLOUD = "format: cloudevents\nkey: source\ntime: {path: time, format: iso8601}\nvalues: {t: data.t}"


EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/s",
    "type": "x",
    "time": "2024-01-01T00:00:00Z",
}


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
    "form": (
        "format: form\nkey: a\ntime: {path: t, format: iso8601}\nvalues: [v]",
        b"a=h%201&v=12.5&t=2024-01-01+00%3A00:00&other=",
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

"""OTLP, Prometheus remote write and Sparkplug."""

from __future__ import annotations

import struct

import orjson
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import (
    OTLP,
    OTLP_EVENT,
    OTLP_LOGS,
    OTLP_SPAN,
    OTLP_TRACES,
    OTLP_TRACES_EVENT,
    TS,
    decode,
    entities,
    field,
    otlp_binary,
    remote_write,
)


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


def test_otlp_logs_are_read() -> None:
    text = "format: otlp_logs\nkey: resource.host\ntime: {path: time, unit: ns}\n"

    events, rejects = decode(text + "values: {took: attributes.took}", orjson.dumps(OTLP_LOGS))

    assert (entities(events), rejects) == ([("h1", 2.5)], [])


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

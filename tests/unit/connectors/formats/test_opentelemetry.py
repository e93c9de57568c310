"""Metrics, logs and spans as the SDK of OpenTelemetry writes them, by its own encoders."""

from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from engine.domain.reject import RejectReason
from tests.unit.connectors.formats.format_case import TS, decode, entities

RESOURCE = Resource.create({"service.name": "shop"})
START = TS * 1_000_000


def test_metrics_of_the_sdk_are_read() -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], resource=RESOURCE).get_meter("tests")
    meter.create_counter("orders").add(3, {"country": "de"})
    meter.create_up_down_counter("carts").add(-2)
    meter.create_gauge("temperature").set(20.5)
    for took in (10, 30):
        meter.create_histogram("took", unit="ms").record(took)
    data = reader.get_metrics_data()
    assert data is not None
    payload = encode_metrics(data).SerializeToString()
    text = """
format: otlp_metrics
key: ['resource["service.name"]', name]
time: {path: time, unit: ns}
max_future: 36500d
values: [value]
"""

    events, rejects = decode(text, payload)

    assert rejects == []
    assert sorted(entities(events)) == [
        ("shop/carts", -2.0),
        ("shop/orders", 3.0),
        ("shop/temperature", 20.5),
        ("shop/took", 20.0),
    ]


def test_spans_of_the_sdk_are_read() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    span = tracer.start_span("GET /cart", kind=SpanKind.SERVER, start_time=START)
    span.end(START + 12_500_000)
    payload = encode_spans(exporter.get_finished_spans()).SerializeToString()
    text = """
format: otlp_traces
where: {path: kind, equals: SERVER}
key: ['resource["service.name"]', name]
time: {path: time, unit: ns}
values: [duration]
"""

    events, rejects = decode(text, payload)

    assert (entities(events), rejects) == ([("shop/GET /cart", 0.0125)], [])
    assert events.times.tolist() == [START]


def test_log_records_of_the_sdk_are_read() -> None:
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("tests").emit(
        timestamp=START, severity_text="ERROR", body="payment failed", attributes={"took": 2.5}
    )
    payload = encode_logs(exporter.get_finished_logs()).SerializeToString()
    text = """
format: otlp_logs
key: ['resource["service.name"]', severity]
time: {path: time, unit: ns}
values: {took: attributes.took}
"""

    events, rejects = decode(text, payload)

    assert (entities(events), rejects) == ([("shop/ERROR", 2.5)], [])
    assert events.times.tolist() == [START]


def nested(levels: int, tag: int, inner: bytes) -> bytes:
    """Return messages in messages: a tag each, then `tag`, then what is inside."""
    for one in (tag, *[0x12] * (levels - 1), 0x0A):
        size, length = len(inner), b""
        while size > 0x7F:
            length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
        inner = bytes([one]) + length + bytes([size]) + inner
    return inner


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("metrics", nested(3, 0x2A, b"\x0a\x00" * 10_000)),
        (
            "metrics",
            b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":['
            + b"{}," * 10_000
            + b"{}]}}]}]}]}",
        ),
        ("logs", nested(1, 0x12, b"\x12\x00" * 10_000)),
        ("traces", nested(1, 0x12, b"\x12\x00" * 10_000)),
    ],
)
def test_readings_that_are_empty_are_one_reject(name: str, payload: bytes) -> None:
    text = f"format: otlp_{name}\nkey: name\ntime: {{path: time, unit: ns}}\nvalues: [value]\n"

    events, [reject] = decode(text, payload)

    assert len(events) == 0
    assert reject.reason is RejectReason.BAD_FORMAT
    assert "most are empty" in reject.detail

"""OTLP: spans of OpenTelemetry, as JSON or Protobuf."""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from connectors.formats.binary import NoSettings
from connectors.formats.otlp_parts import (
    attributes,
    integer,
    no_empty_ones,
    objects,
    request,
    scopes,
)
from engine.domain.batch import Headers

KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES = ("UNSET", "OK", "ERROR")


class OtlpTraces:
    """The plug-in behind `format: otlp_traces`: each span is an event."""

    Settings = NoSettings
    name = "otlp_traces"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return name, kind, status, attributes, resource, time and duration of each span."""
        spans = (
            _span(span, resource)
            for resource, scope in scopes(request(payload, ExportTraceServiceRequest), "Spans")
            for span in objects(scope, "spans")
        )
        return no_empty_ones(spans, len(payload), "spans")


def _span(span: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    """Return a span: its time is that of its begin in ns, its duration is in seconds."""
    begin, end = integer(span.get("startTimeUnixNano")), integer(span.get("endTimeUnixNano"))
    is_timed = isinstance(begin, int) and isinstance(end, int)
    status = span.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    return {
        "name": span.get("name"),
        "kind": _word(span.get("kind"), KINDS, "SPAN_KIND_"),
        "status": _word(code, STATUSES, "STATUS_CODE_"),
        "resource": resource,
        "attributes": attributes(span),
        "time": begin,
        "duration": (end - begin) / 1e9 if is_timed else None,
        "trace_id": span.get("traceId"),
        "span_id": span.get("spanId"),
    }


def _word(found: Any, words: tuple[str, ...], prefix: str) -> Any:
    """Return the word for the value of an enum, which may be its number or its whole name."""
    if isinstance(found, str):
        return found.removeprefix(prefix)
    if found is None or (type(found) is int and 0 <= found < len(words)):
        return words[found or 0]
    return found

"""OTLP: metrics and logs of OpenTelemetry, as JSON or Protobuf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from connectors.formats.binary import NoSettings
from engine.domain.batch import Headers
from engine.domain.format import FormatError

NO_RECORDED_VALUE = 1
"""The flag of a point that says that its series has ended."""
KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


class OtlpMetrics:
    """The plug-in behind `format: otlp_metrics`: each data point is an event."""

    Settings = NoSettings
    name = "otlp_metrics"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return name, unit, kind, attributes, resource, time in ns and value of each point.

        Points that say that they have none, as for a series that has ended, are left out.

        The value of a histogram or summary is its mean; `count` and `sum` stand beside it.
        """
        found = []
        for resource, scope in _scopes(_document(payload, ExportMetricsServiceRequest), "Metrics"):
            for metric in _list(scope, "metrics"):
                found += list(_points(metric, resource))
        return found


class OtlpLogs:
    """The plug-in behind `format: otlp_logs`: each log record is an event."""

    Settings = NoSettings
    name = "otlp_logs"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return body, severity, attributes, resource and time in ns of each record."""
        document = _document(payload, ExportLogsServiceRequest)
        return [
            _record(record, resource)
            for resource, scope in _scopes(document, "Logs")
            for record in _list(scope, "logRecords")
        ]


def _record(record: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "resource": resource,
        "attributes": _attributes(record),
        "time": record.get("timeUnixNano") or record.get("observedTimeUnixNano"),
        "severity": record.get("severityText"),
        "severity_number": record.get("severityNumber"),
        "body": _any(record.get("body")),
    }


def _document(payload: bytes, kind: Any) -> Any:
    if payload.lstrip()[:1] == b"{":
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise FormatError(f"not JSON at byte {error.pos}: {error.msg}") from None
    try:
        return MessageToDict(kind.FromString(payload), use_integers_for_enums=True)
    except (DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"the payload is no OTLP: {error}") from None


def _scopes(document: Any, word: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    if not isinstance(document, dict) or f"resource{word}" not in document:
        raise FormatError(f"the payload is no OTLP: it has no field resource{word}")
    for part in _list(document, f"resource{word}"):
        resource = part.get("resource")
        attributes = _attributes(resource if isinstance(resource, dict) else {})
        for scope in _list(part, f"scope{word}"):
            yield attributes, scope


def _points(metric: dict[str, Any], resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        data = metric.get(kind)
        if isinstance(data, dict):
            for point in _list(data, "dataPoints"):
                if point.get("flags") == NO_RECORDED_VALUE:
                    continue
                yield {
                    "name": metric.get("name"),
                    "unit": metric.get("unit"),
                    "kind": kind,
                    "resource": resource,
                    "attributes": _attributes(point),
                    "time": point.get("timeUnixNano"),
                    **_number(point),
                }


def _number(point: dict[str, Any]) -> dict[str, Any]:
    if "asInt" in point:
        return {"value": _integer(point["asInt"])}
    if "asDouble" in point:
        return {"value": point["asDouble"]}
    count, total = _integer(point.get("count")), point.get("sum")
    mean = (
        total / count if isinstance(total, (int, float)) and type(count) is int and count else None
    )
    return {"value": mean, "count": count, "sum": total}


def _integer(found: Any) -> Any:
    """Return a 64-bit integer, which JSON of OTLP writes as text."""
    try:
        return int(found) if isinstance(found, str) and len(found) < 30 else found
    except ValueError:
        return found


def _attributes(found: dict[str, Any]) -> dict[str, Any]:
    return {str(a.get("key")): _any(a.get("value")) for a in _list(found, "attributes")}


def _any(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if name in value:
            return value[name]
    if "intValue" in value:
        return _integer(value["intValue"])
    if isinstance(value.get("kvlistValue"), dict):
        inner = _list(value["kvlistValue"], "values")
        return {str(one.get("key")): _any(one.get("value")) for one in inner}
    if isinstance(value.get("arrayValue"), dict):
        found = value["arrayValue"].get("values")
        return [_any(one) for one in found] if isinstance(found, list) else []
    return None


def _list(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    inner = found.get(name)
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []

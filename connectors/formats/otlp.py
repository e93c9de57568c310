"""OTLP: metrics and logs of OpenTelemetry, as JSON or Protobuf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from connectors.formats.binary import NoSettings
from connectors.formats.otlp_parts import (
    any_value,
    attributes,
    integer,
    no_empty_ones,
    objects,
    request,
    scopes,
)
from engine.domain.batch import Headers

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

        The value of a histogram or summary is its mean; `count` and `sum` are beside it.
        """
        points = (
            point
            for resource, scope in scopes(request(payload, ExportMetricsServiceRequest), "Metrics")
            for metric in objects(scope, "metrics")
            for point in _points(metric, resource)
        )
        return no_empty_ones(points, len(payload), "points")


class OtlpLogs:
    """The plug-in behind `format: otlp_logs`: each log record is an event."""

    Settings = NoSettings
    name = "otlp_logs"
    many = True

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        pass

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return body, severity, attributes, resource and time in ns of each record."""
        document = request(payload, ExportLogsServiceRequest)
        records = (
            _record(record, resource)
            for resource, scope in scopes(document, "Logs")
            for record in objects(scope, "logRecords")
        )
        return no_empty_ones(records, len(payload), "records")


def _record(record: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "resource": resource,
        "attributes": attributes(record),
        "time": record.get("timeUnixNano") or record.get("observedTimeUnixNano"),
        "severity": record.get("severityText"),
        "severity_number": record.get("severityNumber"),
        "body": any_value(record.get("body")),
    }


def _points(metric: dict[str, Any], resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        data = metric.get(kind)
        if isinstance(data, dict):
            for point in objects(data, "dataPoints"):
                if point.get("flags") == NO_RECORDED_VALUE:
                    continue
                yield {
                    "name": metric.get("name"),
                    "unit": metric.get("unit"),
                    "kind": kind,
                    "resource": resource,
                    "attributes": attributes(point),
                    "time": point.get("timeUnixNano"),
                    **_number(point),
                }


def _number(point: dict[str, Any]) -> dict[str, Any]:
    if "asInt" in point:
        return {"value": integer(point["asInt"])}
    if "asDouble" in point:
        return {"value": point["asDouble"]}
    count, total = integer(point.get("count")), point.get("sum")
    mean = (
        total / count if isinstance(total, (int, float)) and type(count) is int and count else None
    )
    return {"value": mean, "count": count, "sum": total}

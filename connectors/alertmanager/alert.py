"""An anomaly as an alert of Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from connectors.alertmanager.fields import labels, nanoseconds, rfc3339, shortened
from connectors.alertmanager.settings import LABELS, AlertmanagerSettings
from engine.domain.kinds import ABSENCE
from engine.domain.record import Record

NAME = "PynomalyAnomaly"


def alert(record: Record, settings: AlertmanagerSettings, now: int) -> dict[str, Any]:
    """Return an alert as the API takes it.

    Args:
        record: an anomaly.
        settings: of the sink.
        now: ns since 1970.
    """
    anomaly: dict[str, Any] = orjson.loads(record.value or b"{}")
    begins = int(anomaly["time_ns"])
    is_old = now - begins > nanoseconds(settings.longest_delay)
    # As of Prometheus, when it fires: Alertmanager does not wait for others of the group of an
    # alert that is older.
    starts = begins if is_old else now
    ends = max(begins, starts) + nanoseconds(settings.resolve_after)
    if "suppressed_by" in anomaly:
        # It is resolved as it is sent: what the pipeline mutes pages nobody.
        starts = ends = begins
    known = {"alertname": NAME, **{name: anomaly.get(name) for name in LABELS[1:]}}
    return {
        "labels": labels(settings.labels, known),
        "annotations": describe(anomaly),
        "startsAt": rfc3339(starts),
        "endsAt": rfc3339(ends),
    }


def describe(anomaly: Mapping[str, Any]) -> dict[str, str]:
    """Return what people read: the value that deviates most, and how rare that is."""
    values = anomaly.get("values") or []
    found = {
        "summary": f"{anomaly['entity']} is anomalous ({anomaly['severity']})",
        "time": str(anomaly["time"]),
        "p_value": f"{anomaly['p_value']:.3g}",
        "score": f"{anomaly['score']:.3g}",
        "anomaly": str(anomaly["id"]),
        "incident": str(anomaly["incident"]),
    }
    if anomaly.get("kind") == ABSENCE:
        found["description"] = str(anomaly["summary"])
    elif values:
        strongest = max(values, key=lambda value: value["contribution"])
        found["description"] = _value_text(strongest)
    return shortened(found)


def _value_text(value: Mapping[str, Any]) -> str:
    if value["value"] is None:
        return f"{value['name']} is missing"
    text = f"{value['name']} is {value['value']:g}"
    if value["expected_low"] is None:
        return text
    return f"{text}, expected {value['expected_low']:g} to {value['expected_high']:g}"

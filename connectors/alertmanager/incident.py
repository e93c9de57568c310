"""An incident as alerts of Alertmanager: it fires from its opening until it is closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson

from connectors.alertmanager.alert import LONGEST_TEXT_CHARS, rfc3339
from connectors.alertmanager.settings import AlertmanagerSettings
from engine.domain.alert_policy import Severity
from engine.domain.record import Record
from engine.domain.time_units import NS_PER_SECOND

NAME = "PynomalyIncident"


def incident_alerts(
    record: Record, settings: AlertmanagerSettings, now: int
) -> list[dict[str, Any]]:
    """Return what an event of an incident makes of its alerts, as the API takes them.

    The severity is a label, so an incident has an alert for each that it had. Of these one fires at
    most: what was sent before is not known here, after a restart for example, so an event resolves
    all others.

    Args:
        record: an event of an incident.
        settings: of the sink.
        now: ns since 1970.
    """
    event: dict[str, Any] = orjson.loads(record.value or b"{}")
    is_old = now - int(event["time_ns"]) > _ns(settings.longest_delay)
    fires = event["state"] == "open" and not is_old
    grades = [event["severity"]] if event["event"] == "open" else [each.value for each in Severity]
    return [
        _alert(event, grade, settings, now, fires=fires and grade == event["severity"])
        for grade in grades
    ]


def _alert(
    event: dict[str, Any], grade: str, settings: AlertmanagerSettings, now: int, *, fires: bool
) -> dict[str, Any]:
    labels = {
        "alertname": NAME,
        "pipeline": event["pipeline"],
        "entity": event["entity"],
        "incident": event["id"],
        "severity": grade,
    }
    return {
        "labels": {**settings.labels, **{n: str(v) for n, v in labels.items() if v}},
        "annotations": _describe(event),
        "startsAt": rfc3339(min(int(event["began_ns"]), now)),
        "endsAt": rfc3339(now + _ns(settings.longest_open) if fires else now),
    }


def _describe(event: dict[str, Any]) -> dict[str, str]:
    peak = event["peak"]
    found = {
        "summary": f"{event['entity']} is anomalous ({event['severity']})",
        "description": str(peak["summary"]),
        "kinds": ", ".join(event["kinds"]),
        "time": str(event["began"]),
        "anomalies": str(event["count"]),
        "p_value": f"{peak['p_value']:.3g}",
        "anomaly": str(peak["anomaly"]),
    }
    return {name: text[:LONGEST_TEXT_CHARS] for name, text in found.items()}


def _ns(time: timedelta) -> int:
    return int(time.total_seconds() * NS_PER_SECOND)

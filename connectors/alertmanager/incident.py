"""An incident as alerts of Alertmanager: it fires from its opening until it is closed."""

from __future__ import annotations

from typing import Any

import orjson

from connectors.alertmanager.fields import labels, nanoseconds, rfc3339, shortened
from connectors.alertmanager.settings import AlertmanagerSettings
from engine.domain.alert_policy import Severity
from engine.domain.record import Record

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
    fires = event["state"] == "open"
    grades = [event["severity"]] if event["event"] == "open" else [each.value for each in Severity]
    return [
        _alert(event, grade, settings, now, fires=fires and grade == event["severity"])
        for grade in grades
    ]


def _alert(
    event: dict[str, Any], grade: str, settings: AlertmanagerSettings, now: int, *, fires: bool
) -> dict[str, Any]:
    known = {
        "alertname": NAME,
        "pipeline": event["pipeline"],
        "entity": event["entity"],
        "incident": event["id"],
        "severity": grade,
    }
    return {
        "labels": labels(settings.labels, known),
        "annotations": _describe(event),
        # When it fires, as in `alert`. Alertmanager keeps the first time that it was given.
        "startsAt": rfc3339(now),
        "endsAt": rfc3339(now + nanoseconds(settings.longest_open) if fires else now),
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
    return shortened(found)

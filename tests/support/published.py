"""Anomalies and incidents as pipelines publish them, for tests of what takes them in."""

from __future__ import annotations

from typing import Any

SECOND = 10**9
BEGAN = 1_796_000_000 * SECOND


def anomaly(number: int, **changed: Any) -> dict[str, Any]:
    """Return the document of an anomaly, a second after that of the number before."""
    document = {
        "schema_version": 1,
        "id": f"{number:032x}",
        "entity": "pump-1",
        "time": "2026-11-30T00:00:00.000000000Z",
        "time_ns": BEGAN + number * SECOND,
        "score": 0.7,
        "p_value": 1e-7,
        "threshold": 1e-4,
        "kind": "spike",
        "summary": f"temperature {number} is too hot",
        "severity": "major",
        "incident": f"{number:032x}",
        "late": False,
        "values": [],
        "detectors": [],
        "origin": {"topic": "readings", "partition": 0, "offset": number},
        "pipeline": "quick",
        "pipeline_version": "5ccd5ce5247b",
    }
    return document | changed


def incident(number: int, count: int = 1, **changed: Any) -> dict[str, Any]:
    """Return a record of the incident that the anomaly of a number begins."""
    time = BEGAN + (number + count - 1) * SECOND
    document = {
        "schema_version": 1,
        "id": f"{number:032x}",
        "event": "open" if count == 1 else "update",
        "event_id": f"{number:016x}{count:016x}",
        "state": "open",
        "entity": "pump-1",
        "time_ns": time,
        "began_ns": BEGAN + number * SECOND,
        "last_ns": time,
        "severity": "major",
        "count": count,
        "kinds": ["spike"],
        "peak": {"anomaly": f"{number:032x}", "summary": f"temperature {number} is too hot"},
        "pipeline": "quick",
        "pipeline_version": "5ccd5ce5247b",
    }
    return document | changed


def story(root: str, incidents: int) -> dict[str, Any]:
    """Return the story "s" of a site, as records of its incidents have it."""
    whole = {"id": "s", "group": "north", "root": root, "root_entity": "pump-2"}
    return {**whole, "strongest": root, "incidents": incidents}

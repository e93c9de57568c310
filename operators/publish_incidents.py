"""publish_incidents: turns the events of incidents into records for the sinks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import orjson

from engine.domain.incident import SCHEMA_VERSION, Change, IncidentEvent, Peak
from engine.domain.names import ID_HEADER, SCHEMA_HEADER
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from engine.domain.time_units import NS_PER_SECOND
from operators.publish import iso_time
from pynomaly.plugins import RunContext

_VERSION = str(SCHEMA_VERSION).encode()


def incident_step(
    _pipeline: Pipeline, _context: RunContext
) -> Callable[[list[IncidentEvent]], list[Record]]:
    """Return the step from incident events to their records: JSON, keyed by the incident's id."""

    def publish(events: list[IncidentEvent]) -> list[Record]:
        return [incident_record(event) for event in events]

    return publish


def incident_record(event: IncidentEvent) -> Record:
    """Return an event as it is published; `engine.domain.incident_schema` describes it."""
    document: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "id": event.id,
        "event": event.change.value,
        "event_id": event.event_id,
        "state": "closed" if event.change is Change.CLOSE else "open",
        "entity": event.entity,
        "time": iso_time(event.time),
        "time_ns": event.time,
        "began": iso_time(event.began),
        "began_ns": event.began,
        "last": iso_time(event.last),
        "last_ns": event.last,
        "duration_s": (event.last - event.began) / NS_PER_SECOND,
        "severity": event.severity.value,
        "count": event.count,
        "kinds": event.kinds,
        "peak": _peak(event.peak),
        "values": _shares(event.values),
        "detectors": _shares(event.detectors),
        "first_origin": event.first_origin.document(),
        "last_origin": event.last_origin.document(),
        "pipeline": event.pipeline,
        "pipeline_version": event.pipeline_version,
    }
    if event.story is not None:
        document["story"] = asdict(event.story)
    headers = ((ID_HEADER, event.event_id.encode()), (SCHEMA_HEADER, _VERSION))
    value = orjson.dumps(document)
    return Record(event.id.encode(), value, headers, event.time, event.event_id)


def _peak(peak: Peak) -> dict[str, object]:
    return {
        "anomaly": peak.anomaly,
        "time": iso_time(peak.time),
        "time_ns": peak.time,
        "score": peak.score,
        "p_value": peak.p_value,
        "severity": peak.severity.value,
        "summary": peak.summary,
    }


def _shares(parts: tuple[tuple[str, float], ...]) -> list[dict[str, object]]:
    return [{"name": name, "share": share} for name, share in parts]

"""The published form of an incident: a JSON Schema (draft 2020-12) for those who consume them.

A field may be added without a new version; one that changes its meaning or goes makes a new one.
"""

from __future__ import annotations

from typing import Any

from engine.domain.alert_policy import Severity
from engine.domain.anomaly_schema import ID, ISO_TIME, ORIGIN, SHARE, field_of, object_of
from engine.domain.incident import SCHEMA_VERSION, Change
from engine.domain.kinds import ALL_KINDS

Schema = dict[str, Any]

_SEVERITIES = [grade.value for grade in Severity]

_PEAK = object_of(
    {
        "anomaly": field_of("string", "Id of the strongest anomaly.", **ID),
        "time": field_of("string", "Its event time.", **ISO_TIME),
        "time_ns": field_of("integer", "Its event time, nanoseconds since 1970."),
        "score": field_of("number", "Its score.", **SHARE),
        "p_value": field_of("number", "Its p-value.", **SHARE),
        "severity": field_of("string", "Its severity.", enum=_SEVERITIES),
        "summary": field_of("string", "Its sentence for people."),
    },
    "The strongest anomaly so far.",
)
_STORY = object_of(
    {
        "id": field_of(
            "string",
            "Id of the story: that of its first incident, or of an outage of a topic.",
            **ID,
        ),
        "group": field_of("string", "What its entities have in common."),
        "root": field_of("string", "Id of the incident that opened first.", **ID),
        "root_entity": field_of("string", "Its entity."),
        "strongest": field_of("string", "Id of the incident with the rarest anomaly.", **ID),
        "incidents": field_of("integer", "How many incidents it has so far.", minimum=1),
    },
    "Incidents of entities of a group that overlap in time; only with alert.group_by.",
)


def _blame(name: str, description: str) -> Schema:
    part = {
        "name": field_of("string", f"Name of the {name}."),
        "share": field_of("number", "Its share; all sum to 1.", **SHARE),
    }
    return {"type": "array", "minItems": 1, "items": object_of(part, description)}


_INCIDENT = {
    "schema_version": field_of("integer", "Version of this form.", const=SCHEMA_VERSION),
    "id": field_of("string", "Id of the incident; also the message's key.", **ID),
    "event": field_of("string", "What happened to it.", enum=[change.value for change in Change]),
    "event_id": field_of("string", "Deterministic: a repeat of the event has the same.", **ID),
    "state": field_of("string", "Whether it goes on.", enum=["open", "closed"]),
    "entity": field_of("string", "Key of the entity."),
    "time": field_of("string", "Event time of what happened, ISO 8601 in UTC.", **ISO_TIME),
    "time_ns": field_of("integer", "The same, nanoseconds since 1970."),
    "began": field_of("string", "Event time of its first anomaly.", **ISO_TIME),
    "began_ns": field_of("integer", "The same, nanoseconds since 1970."),
    "last": field_of("string", "Event time of its latest anomaly.", **ISO_TIME),
    "last_ns": field_of("integer", "The same, nanoseconds since 1970."),
    "duration_s": field_of("number", "Seconds from its first to its latest anomaly.", minimum=0),
    "severity": field_of(
        "string", "Now: it rises as it lasts, and falls as it fades.", enum=_SEVERITIES
    ),
    "count": field_of("integer", "Anomalies so far.", minimum=1),
    "kinds": {
        "type": "array",
        "description": "Of its anomalies, the most frequent first.",
        "minItems": 1,
        "items": {"enum": [*ALL_KINDS]},
    },
    "peak": _PEAK,
    "values": _blame("value", "A value to blame, the largest share first."),
    "detectors": _blame("detector", "A detector that claimed most."),
    "first_origin": ORIGIN,
    "last_origin": ORIGIN,
    "pipeline": field_of("string", "Name of the pipeline that published it."),
    "pipeline_version": field_of("string", "Digest of what decides its scores."),
}

INCIDENT_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Pynomaly incident",
    **object_of(
        _INCIDENT,
        "An incident as it is after it opened, changed or closed.",
        optional={"story": _STORY},
    ),
}
"""Describes the payload of every message of the incidents sink."""

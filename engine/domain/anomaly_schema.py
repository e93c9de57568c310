"""The published form of an anomaly: a JSON Schema (draft 2020-12) for those who consume them.

A field may be added without a new version; one that changes its meaning or goes makes a new one.
"""

from __future__ import annotations

from typing import Any

from engine.domain.alert_policy import Severity
from engine.domain.anomaly import SCHEMA_VERSION
from engine.domain.kinds import KINDS

Schema = dict[str, Any]


def object_of(properties: Schema, description: str, optional: Schema | None = None) -> Schema:
    """Return the schema of an object whose properties are all required, but for the optional."""
    return {
        "type": "object",
        "description": description,
        "properties": properties | (optional or {}),
        "required": list(properties),
    }


def field_of(kind: str | list[str], description: str, **limits: Any) -> Schema:
    """Return the schema of a field."""
    return {"type": kind, "description": description, **limits}


def _items(item: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": item}


ID = {"pattern": "^[0-9a-f]{32}$"}
ISO_TIME = {
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$",
}
_MAYBE = ["number", "null"]
SHARE = {"minimum": 0, "maximum": 1}

_VALUE = object_of(
    {
        "name": field_of("string", "Name of the value in the pipeline file."),
        "value": field_of(_MAYBE, "What the event held; null is a gap."),
        "contribution": field_of("number", "Its part in the anomaly; all sum to 1.", **SHARE),
        "expected_low": field_of(_MAYBE, "Lower end of the range expected; null without history."),
        "expected_high": field_of(_MAYBE, "Upper end of the range expected; null without history."),
    },
    "One value of the event, and what was expected of it.",
)

_DETECTOR = object_of(
    {
        "detector": field_of("string", "Name of the detector in the pipeline file."),
        "score": field_of(_MAYBE, "Its raw score, higher is stranger; null during its warm-up."),
        "p_value": field_of(_MAYBE, "How rare that score is; null during warm-up.", **SHARE),
        "weight": field_of(
            _MAYBE,
            "How much it counts: all sum to 1, and are equal unless learned; null during warm-up.",
            **SHARE,
        ),
    },
    "What one detector said of the event.",
)

ORIGIN = object_of(
    {
        "topic": field_of("string", "The topic, file or stream."),
        "partition": field_of("integer", "Number of the partition.", minimum=0),
        "offset": field_of("integer", "Position in the partition.", minimum=0),
    },
    "Where the event stands in its source.",
    optional={
        "index": field_of("integer", "Place in a message with an array of events.", minimum=0)
    },
)

_ANOMALY = {
    "schema_version": field_of("integer", "Version of this form.", const=SCHEMA_VERSION),
    "id": field_of("string", "Deterministic: a repeat of the anomaly has the same.", **ID),
    "entity": field_of("string", "Key of the entity; also the message's key."),
    "time": field_of(
        "string",
        "Event time, ISO 8601 in UTC, to the nanosecond.",
        **ISO_TIME,
    ),
    "time_ns": field_of("integer", "Event time, nanoseconds since 1970."),
    "score": field_of(
        "number", "For people: a tenth for each power of ten of rarity, 1 at 1e-10.", **SHARE
    ),
    "p_value": field_of("number", "How rare the event is for its entity.", **SHARE),
    "threshold": field_of(_MAYBE, "The p-value held against; null with a raw score.", **SHARE),
    "kind": field_of("string", "What it is; outlier where no detector tells.", enum=[*KINDS]),
    "summary": field_of("string", "One sentence for people."),
    "severity": field_of(
        "string",
        "Rarer than the threshold by under 10, under 1,000, or more times; one more if it lasts.",
        enum=[grade.value for grade in Severity],
    ),
    "incident": field_of("string", "Id of the first anomaly of the incident.", **ID),
    "late": field_of("boolean", "The event was older than the allowed lateness."),
    "values": _items(_VALUE),
    "detectors": _items(_DETECTOR),
    "origin": ORIGIN,
    "pipeline": field_of("string", "Name of the pipeline that said so."),
    "pipeline_version": field_of("string", "Digest of what decides its scores."),
}
_TRACE_ID = field_of(
    "string", "Trace of the batch that the event was in; only while tracing is on.", **ID
)
_RULE = object_of(
    {"value": field_of("string", "Name of the value.")},
    "The rule of a value that found the anomaly, or that it passed; only where there is one.",
    optional={
        "valid_range": {
            "type": "array",
            "description": "The range that the value left; null is no bound.",
            "items": {"type": _MAYBE},
        },
        "direction": field_of("string", "Deviations that matter.", enum=["above", "below", "both"]),
        "min_deviation": field_of("object", "Least deviation that matters: absolute, relative."),
    },
)

ANOMALY_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Pynomaly anomaly",
    **object_of(
        _ANOMALY,
        "A flagged event with everything needed to act on it.",
        optional={"trace_id": _TRACE_ID, "rule": _RULE},
    ),
}
"""Describes the payload of every message of the anomalies sink."""

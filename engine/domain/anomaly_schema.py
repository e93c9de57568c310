"""The published form of an anomaly: a JSON Schema (draft 2020-12) for those who consume them.

A field may be added without a new version; one that changes its meaning or goes makes a new one.
"""

from __future__ import annotations

from typing import Any

from engine.domain.alert_policy import Severity
from engine.domain.anomaly import SCHEMA_VERSION
from engine.domain.kinds import ALL_KINDS

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
        "value": field_of(_MAYBE, "Value of the event; null is a gap."),
        "contribution": field_of(
            "number",
            "Its share of the anomaly, by the evidence that fired; the shares sum to 1.",
            **SHARE,
        ),
        "expected_low": field_of(
            _MAYBE, "Lower end of the range that was expected at this moment; null while unknown."
        ),
        "expected_high": field_of(_MAYBE, "Upper end of that range; null while unknown."),
    },
    "Values of the event, in the order of the pipeline file, and what was expected of them.",
)

_DETECTOR = object_of(
    {
        "detector": field_of("string", "Name of the detector in the pipeline file."),
        "score": field_of(_MAYBE, "Raw score, higher is more anomalous; null during its warm-up."),
        "p_value": field_of(_MAYBE, "p-value of the raw score; null during its warm-up.", **SHARE),
        "weight": field_of(
            _MAYBE,
            "Weight in the combined p-value; the weights sum to 1; null during its warm-up.",
            **SHARE,
        ),
    },
    "Results of the detectors.",
)

ORIGIN = object_of(
    {
        "topic": field_of("string", "The topic, file or stream."),
        "partition": field_of("integer", "Number of the partition.", minimum=0),
        "offset": field_of("integer", "Position in the partition.", minimum=0),
    },
    "Position of the event in its source.",
    optional={
        "index": field_of("integer", "Place in a message with an array of events.", minimum=0)
    },
)

_ANOMALY = {
    "schema_version": field_of("integer", "Version of this schema.", const=SCHEMA_VERSION),
    "id": field_of("string", "Deterministic: a record that is sent again has the same id.", **ID),
    "entity": field_of("string", "Key of the entity; also the key of the message."),
    "time": field_of(
        "string",
        "Event time, ISO 8601 in UTC, to the nanosecond.",
        **ISO_TIME,
    ),
    "time_ns": field_of("integer", "Event time, nanoseconds since 1970."),
    "score": field_of("number", "For people: -log10(p_value) / 10, at most 1.", **SHARE),
    "p_value": field_of(
        "number",
        "Share of normal events of this entity that are as far from normal; 0 for an absence by a "
        "fixed limit, or of a whole partition.",
        **SHARE,
    ),
    "threshold": field_of(
        _MAYBE, "p-value at which the event alerts; null with alert.score.", **SHARE
    ),
    "kind": field_of(
        "string", "Kind of the anomaly; outlier if the detectors name no kind.", enum=[*ALL_KINDS]
    ),
    "summary": field_of("string", "One sentence for people."),
    "severity": field_of(
        "string",
        "threshold / p_value is below 10, below 1,000, or more; one grade more where it lasts.",
        enum=[grade.value for grade in Severity],
    ),
    "incident": field_of(
        "string", "Id of the first anomaly of the incident; equal to id in that one.", **ID
    ),
    "late": field_of("boolean", "The event was older than the allowed lateness."),
    "values": _items(_VALUE),
    "detectors": _items(_DETECTOR),
    "origin": ORIGIN,
    "pipeline": field_of("string", "Name of the pipeline."),
    "pipeline_version": field_of("string", "Digest of the settings that decide its scores."),
}
_TRACE_ID = field_of("string", "Trace of the batch of the event.", **ID)
_SUPPRESSED = field_of(
    "string", "Name of the silence that mutes it; only where one does and says publish."
)
_FEEDBACK = field_of(
    "string", "Id of the feedback that says how much evidence it needed, such as feedback-3."
)
_RULE = object_of(
    {"value": field_of("string", "Name of the value.")},
    "Rule of a value that found the anomaly, or that the anomaly passed.",
    optional={
        "valid_range": {
            "type": "array",
            "description": "The range that the value left; null means no bound.",
            "items": {"type": _MAYBE},
        },
        "direction": field_of("string", "Deviations that matter.", enum=["above", "below", "both"]),
        "min_deviation": field_of("object", "Least deviation that matters: absolute, relative."),
        "control": field_of("string", "Id of the control record that gave it, such as rule-3."),
    },
)

_CONTEXT = {
    "type": "array",
    "description": "Last values of the value to blame before the event, the oldest first; null is "
    "a gap; only with alert.context.",
    "items": {"type": _MAYBE},
}

ANOMALY_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Pynomaly anomaly",
    **object_of(
        _ANOMALY,
        "A flagged event with everything needed to act on it.",
        optional={
            "trace_id": _TRACE_ID,
            "rule": _RULE,
            "suppressed_by": _SUPPRESSED,
            "context": _CONTEXT,
            "feedback": _FEEDBACK,
        },
    ),
}
"""Describes the payload of every message of the anomalies sink."""

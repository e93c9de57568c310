"""The published form of an anomaly: a JSON Schema (draft 2020-12) for those who consume them.

A field may be added without a new version; one that changes its meaning or goes makes a new one.
"""

from __future__ import annotations

from typing import Any

from engine.domain.alert_policy import Severity
from engine.domain.anomaly import SCHEMA_VERSION
from engine.domain.kinds import KINDS

Schema = dict[str, Any]


def _object(properties: Schema, description: str, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties | (optional or {}),
        "required": list(properties),
    }


def _field(kind: str | list[str], description: str, **limits: Any) -> Schema:
    return {"type": kind, "description": description, **limits}


def _items(item: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": item}


_ID = {"pattern": "^[0-9a-f]{32}$"}
_MAYBE = ["number", "null"]
_SHARE = {"minimum": 0, "maximum": 1}

_VALUE = _object(
    {
        "name": _field("string", "Name of the value in the pipeline file."),
        "value": _field(_MAYBE, "What the event held; null is a gap."),
        "contribution": _field("number", "Its part in the anomaly; all sum to 1.", **_SHARE),
        "expected_low": _field(_MAYBE, "Lower end of the range expected; null without history."),
        "expected_high": _field(_MAYBE, "Upper end of the range expected; null without history."),
    },
    "One value of the event, and what was expected of it.",
)

_DETECTOR = _object(
    {
        "detector": _field("string", "Name of the detector in the pipeline file."),
        "score": _field(_MAYBE, "Its raw score, higher is stranger; null during its warm-up."),
        "p_value": _field(_MAYBE, "How rare that score is; null during warm-up.", **_SHARE),
        "weight": _field(
            _MAYBE,
            "How much it counts: all sum to 1, and are equal unless learned; null during warm-up.",
            **_SHARE,
        ),
    },
    "What one detector said of the event.",
)

_ORIGIN = _object(
    {
        "topic": _field("string", "The topic, file or stream."),
        "partition": _field("integer", "Number of the partition.", minimum=0),
        "offset": _field("integer", "Position in the partition.", minimum=0),
    },
    "Where the event stands in its source.",
    optional={"index": _field("integer", "Place in a message with an array of events.", minimum=0)},
)

_ANOMALY = {
    "schema_version": _field("integer", "Version of this form.", const=SCHEMA_VERSION),
    "id": _field("string", "Deterministic: a repeat of the anomaly has the same.", **_ID),
    "entity": _field("string", "Key of the entity; also the message's key."),
    "time": _field(
        "string",
        "Event time, ISO 8601 in UTC, to the nanosecond.",
        format="date-time",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$",
    ),
    "time_ns": _field("integer", "Event time, nanoseconds since 1970."),
    "score": _field(
        "number", "For people: a tenth for each power of ten of rarity, 1 at 1e-10.", **_SHARE
    ),
    "p_value": _field("number", "How rare the event is for its entity.", **_SHARE),
    "threshold": _field(_MAYBE, "The p-value held against; null with a raw score.", **_SHARE),
    "kind": _field("string", "What it is; outlier where no detector tells.", enum=[*KINDS]),
    "summary": _field("string", "One sentence for people."),
    "severity": _field(
        "string",
        "Rarer than the threshold by under 10, under 1,000, or more times; one more if it lasts.",
        enum=[grade.value for grade in Severity],
    ),
    "incident": _field("string", "Id of the first anomaly of the incident.", **_ID),
    "late": _field("boolean", "The event was older than the allowed lateness."),
    "values": _items(_VALUE),
    "detectors": _items(_DETECTOR),
    "origin": _ORIGIN,
    "pipeline": _field("string", "Name of the pipeline that said so."),
    "pipeline_version": _field("string", "Digest of what decides its scores."),
}
_TRACE_ID = _field(
    "string", "Trace of the batch that the event was in; only while tracing is on.", **_ID
)
_RULE = _object(
    {"value": _field("string", "Name of the value.")},
    "The rule of a value that found the anomaly, or that it passed; only where there is one.",
    optional={
        "valid_range": {
            "type": "array",
            "description": "The range that the value left; null is no bound.",
            "items": {"type": _MAYBE},
        },
        "direction": _field("string", "Deviations that matter.", enum=["above", "below", "both"]),
        "min_deviation": _field("object", "Least deviation that matters: absolute, relative."),
    },
)

ANOMALY_SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Pynomaly anomaly",
    **_object(
        _ANOMALY,
        "A flagged event with everything needed to act on it.",
        optional={"trace_id": _TRACE_ID, "rule": _RULE},
    ),
}
"""Describes the payload of every message of the anomalies sink."""

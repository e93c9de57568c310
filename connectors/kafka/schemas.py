"""The schemas of records that are written with a schema registry."""

from __future__ import annotations

from typing import Any

from engine.domain.anomaly import SCHEMA_VERSION
from engine.domain.anomaly_schema import ANOMALY_SCHEMA, Schema
from engine.domain.incident_schema import INCIDENT_SCHEMA
from engine.domain.names import ANOMALIES, INCIDENTS, SCORES

_PROPERTIES = ANOMALY_SCHEMA["properties"]
_SHARED = ("id", "entity", "time_ns", "origin", "pipeline", "pipeline_version")
_MAYBE = {"type": ["number", "null"]}
_PARTS = {"detector": {"type": "string"}, "score": _MAYBE, "p_value": _MAYBE}
_SCORE = {
    "schema_version": {"type": "integer", "const": SCHEMA_VERSION},
    **{name: _PROPERTIES[name] for name in _SHARED},
    "score": _MAYBE,
    "p_value": _MAYBE,
    "detectors": {
        "type": "array",
        "items": {"type": "object", "properties": _PARTS, "required": list(_PARTS)},
    },
}
SCHEMAS: dict[str, Schema] = {
    ANOMALIES: ANOMALY_SCHEMA,
    INCIDENTS: INCIDENT_SCHEMA,
    SCORES: {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pynomaly score",
        "type": "object",
        "properties": _SCORE,
        "required": list(_SCORE),
    },
}
"""JSON Schema of what a sink of each role is given; dead letters have none."""
NAMESPACE = "io.pynomaly"
_SIMPLE = {"string": "string", "number": "double", "integer": "long", "boolean": "boolean"}


def avro_of(schema: Schema, name: str) -> Any:
    """Return the Avro schema of what a JSON Schema of ours describes.

    Args:
        schema: of an object, an array, or a simple type, that may be null.
        name: of the record, if it is an object; those inside begin with it.
    """
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        (simple,) = (one for one in kind if one != "null")
        return ["null", _SIMPLE[simple]]
    if kind == "array":
        return {"type": "array", "items": avro_of(schema["items"], name)}
    if kind != "object":
        return _SIMPLE[kind]
    if "properties" not in schema:
        return {"type": "map", "values": ["null", "double", "string"]}
    fields = []
    for field, inner in schema["properties"].items():
        found = avro_of(inner, f"{name}_{field}")
        entry: dict[str, Any] = {"name": field, "type": found}
        if field not in schema["required"]:
            entry["type"] = ["null", found]
        if isinstance(entry["type"], list):
            entry["default"] = None
        if "description" in inner:
            entry["doc"] = inner["description"]
        fields.append(entry)
    return {"type": "record", "name": name, "namespace": NAMESPACE, "fields": fields}

"""Arrays of Avro whose elements take no bytes: a few bytes would be billions of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def check_arrays(schema: Any, named: Mapping[str, Any]) -> None:
    """Refuse a schema with an array whose elements take no bytes, such as null.

    Args:
        schema: the schema, parsed.
        named: the schemas that its names mean.

    Raises:
        ValueError: it has one.
    """
    for part in (schema, *named.values()):
        _check(part, named)


def _check(schema: Any, named: Mapping[str, Any]) -> None:
    if isinstance(schema, list):
        for branch in schema:
            _check(branch, named)
    if not isinstance(schema, dict):
        return
    if schema["type"] == "array" and _is_empty(schema["items"], named, ()):
        raise ValueError("it has an array whose elements take no bytes")
    for inner in ("type", "items", "values"):
        _check(schema.get(inner), named)
    for field in schema.get("fields", ()):
        _check(field["type"], named)


def _is_empty(schema: Any, named: Mapping[str, Any], seen: tuple[str, ...]) -> bool:
    """Whether what is of a schema takes no bytes."""
    if isinstance(schema, str) and schema in named and schema not in seen:
        return _is_empty(named[schema], named, (*seen, schema))
    if not isinstance(schema, dict):
        return bool(schema == "null")
    kind = schema["type"]
    if kind in ("record", "error"):
        return all(_is_empty(field["type"], named, seen) for field in schema["fields"])
    if kind == "fixed":
        return bool(schema["size"] == 0)
    return kind not in ("array", "map", "enum") and _is_empty(kind, named, seen)

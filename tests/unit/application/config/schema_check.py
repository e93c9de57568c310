"""A check of data against the part of JSON Schema that our schema uses."""

from __future__ import annotations

import re
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
NOTES = {"title", "description", "default", "examples", "format", "writeOnly", "$schema", "$defs"}


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value is valid."""
    return all(_fits(keyword, value, schema, root) for keyword in schema if keyword not in NOTES)


def _fits(keyword: str, value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    limit = schema[keyword]
    if keyword == "$ref":
        return fits(value, root["$defs"][limit.rsplit("/", 1)[1]], root)
    if keyword == "anyOf":
        return any(fits(value, part, root) for part in limit)
    if keyword == "type":
        return any(_is(value, kind) for kind in ([limit] if isinstance(limit, str) else limit))
    if keyword in ("enum", "const"):
        return value in limit if keyword == "enum" else bool(value == limit)
    if isinstance(value, dict):
        return _object(keyword, value, schema, root)
    if isinstance(value, list):
        return _array(keyword, value, limit, root)
    return _scalar(keyword, value, limit)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])


def _object(keyword: str, value: dict[str, Any], schema: dict[str, Any], root: Any) -> bool:
    limit = schema[keyword]
    if keyword == "required":
        return set(limit) <= set(value)
    if keyword in ("minProperties", "maxProperties"):
        return bool(len(value) >= limit if keyword == "minProperties" else len(value) <= limit)
    if keyword == "properties":
        return all(fits(value[name], limit[name], root) for name in limit if name in value)
    matched = {
        name: part
        for pattern, part in schema.get("patternProperties", {}).items()
        for name in value
        if re.search(pattern, name)
    }
    if keyword == "patternProperties":
        return all(fits(value[name], part, root) for name, part in matched.items())
    if keyword != "additionalProperties" or limit is True:
        return True
    named = {*matched, *schema.get("properties", {})}
    rest = [part for name, part in value.items() if name not in named]
    return not rest if limit is False else all(fits(part, limit, root) for part in rest)


def _array(keyword: str, value: list[Any], limit: Any, root: Any) -> bool:
    if keyword == "items":
        return all(fits(item, limit, root) for item in value)
    if keyword == "uniqueItems":
        return all(item not in value[:n] for n, item in enumerate(value))
    return keyword != "minItems" or len(value) >= _int(limit)


def _scalar(keyword: str, value: Any, limit: Any) -> bool:
    if isinstance(value, str):
        sizes = {"minLength": len(value) >= _int(limit), "maxLength": len(value) <= _int(limit)}
        return bool(re.search(limit, value)) if keyword == "pattern" else sizes.get(keyword, True)
    if isinstance(value, (int, float)) and not isinstance(limit, (str, list, dict, bool)):
        bounds = {
            "minimum": value >= limit,
            "maximum": value <= limit,
            "exclusiveMinimum": value > limit,
            "exclusiveMaximum": value < limit,
        }
        return bool(bounds.get(keyword, True))
    return True


def _int(limit: Any) -> int:
    return limit if isinstance(limit, int) else 0

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
    said = schema[keyword]
    if keyword == "$ref":
        return fits(value, root["$defs"][said.rsplit("/", 1)[1]], root)
    if keyword == "anyOf":
        return any(fits(value, part, root) for part in said)
    if keyword == "type":
        return any(_is(value, kind) for kind in ([said] if isinstance(said, str) else said))
    if keyword in ("enum", "const"):
        return value in said if keyword == "enum" else bool(value == said)
    if isinstance(value, dict):
        return _object(keyword, value, schema, root)
    if isinstance(value, list):
        return _array(keyword, value, said, root)
    return _scalar(keyword, value, said)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])


def _object(keyword: str, value: dict[str, Any], schema: dict[str, Any], root: Any) -> bool:
    said = schema[keyword]
    if keyword == "required":
        return set(said) <= set(value)
    if keyword in ("minProperties", "maxProperties"):
        return bool(len(value) >= said if keyword == "minProperties" else len(value) <= said)
    if keyword == "properties":
        return all(fits(value[name], said[name], root) for name in said if name in value)
    matched = {
        name: part
        for pattern, part in schema.get("patternProperties", {}).items()
        for name in value
        if re.search(pattern, name)
    }
    if keyword == "patternProperties":
        return all(fits(value[name], part, root) for name, part in matched.items())
    if keyword != "additionalProperties" or said is True:
        return True
    named = {*matched, *schema.get("properties", {})}
    rest = [part for name, part in value.items() if name not in named]
    return not rest if said is False else all(fits(part, said, root) for part in rest)


def _array(keyword: str, value: list[Any], said: Any, root: Any) -> bool:
    if keyword == "items":
        return all(fits(item, said, root) for item in value)
    if keyword == "uniqueItems":
        return all(item not in value[:n] for n, item in enumerate(value))
    return keyword != "minItems" or len(value) >= _int(said)


def _scalar(keyword: str, value: Any, said: Any) -> bool:
    if isinstance(value, str):
        sizes = {"minLength": len(value) >= _int(said), "maxLength": len(value) <= _int(said)}
        return bool(re.search(said, value)) if keyword == "pattern" else sizes.get(keyword, True)
    if isinstance(value, (int, float)) and not isinstance(said, (str, list, dict, bool)):
        limits = {
            "minimum": value >= said,
            "maximum": value <= said,
            "exclusiveMinimum": value > said,
            "exclusiveMaximum": value < said,
        }
        return bool(limits.get(keyword, True))
    return True


def _int(said: Any) -> int:
    return said if isinstance(said, int) else 0

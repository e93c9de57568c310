"""Conditions in the pipeline file: which messages become events."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from engine.application.config.issues import ISSUES, FieldIssue, invalid, invalid_fields
from engine.application.config.json_path import PATH_SCHEMA, parse_path
from engine.domain.condition import AllOf, AnyOf, Condition, Exists, IsIn, Matches, Not, Scalar
from engine.domain.errors import nearest

TESTS = ("equals", "in", "exists", "matches")
JOINTS = ("and", "or", "not")
FORMS = "expected {path: ..., equals|in|exists|matches: ...}, a list of such, and, or, or not"


def parse_condition(value: object) -> Condition:
    """Read a condition."""
    if isinstance(value, list) and value:
        return AllOf(_parts(value))
    if not isinstance(value, dict) or not value:
        raise invalid(FORMS)
    for name in value:
        if name not in ("path", *TESTS, *JOINTS):
            raise invalid(f"{FORMS}.{nearest(str(name), ('path', *TESTS, *JOINTS))}", name)
    joint = next((name for name in JOINTS if name in value), None)
    if joint is not None:
        return _joint(joint, value)
    return _test(value)


def _joint(name: str, value: dict[str, Any]) -> Condition:
    if len(value) > 1:
        raise invalid(f"expected nothing beside {name}")
    inner = value[name]
    if name == "not":
        return Not(_inner(inner, "not"))
    if not isinstance(inner, list) or not inner:
        raise invalid("expected a list of conditions", name)
    parts = _parts(inner, name)
    return AllOf(parts) if name == "and" else AnyOf(parts)


def _parts(values: list[Any], *place: str) -> tuple[Condition, ...]:
    return tuple(_inner(value, *place, number) for number, value in enumerate(values))


def _inner(value: object, *place: str | int) -> Condition:
    try:
        return parse_condition(value)
    except PydanticCustomError as error:
        found = (error.context or {}).get(ISSUES, [])
        raise invalid_fields(
            [FieldIssue((*place, *one.place), one.text) for one in found]
        ) from None


def _test(value: dict[str, Any]) -> Condition:
    tests = [name for name in TESTS if name in value]
    if "path" not in value or len(tests) != 1:
        raise invalid(f"{FORMS}: one path and one test")
    try:
        path = parse_path(value["path"])
    except PydanticCustomError as error:
        found = (error.context or {}).get(ISSUES, [])
        raise invalid_fields(
            [FieldIssue(("path", *one.place), one.text) for one in found]
        ) from None
    (name,) = tests
    asked = value[name]
    if name == "exists":
        if not isinstance(asked, bool):
            raise invalid("expected true or false", "exists")
        return Exists(path, asked)
    if name == "matches":
        return Matches(path, _pattern(asked))
    scalars = asked if name == "in" else [asked]
    if not isinstance(scalars, list) or not scalars or not all(map(_is_scalar, scalars)):
        one = "texts, numbers, true or false"
        raise invalid(
            f"expected a list of {one}" if name == "in" else f"expected one of {one}", name
        )
    values: list[Scalar] = scalars
    return IsIn(path, tuple(values))


def _below(error: PydanticCustomError, *place: str | int) -> PydanticCustomError:
    """Return what is wrong at a place, as an error of the whole."""
    found = (error.context or {}).get(ISSUES, [])
    return invalid_fields([FieldIssue((*place, *one.place), one.text) for one in found])


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _pattern(value: object) -> str:
    if not isinstance(value, str):
        raise invalid("expected a regular expression", "matches")
    try:
        re.compile(value)
    except re.error as error:
        raise invalid(f"expected a regular expression: {error}", "matches") from None
    return value


_OBJECT = {
    "type": "object",
    "properties": {
        "path": PATH_SCHEMA,
        "equals": {"type": ["string", "number", "boolean", "null"]},
        "in": {"type": "array", "minItems": 1},
        "exists": {"type": "boolean"},
        "matches": {"type": "string"},
        "and": {"type": "array", "minItems": 1},
        "or": {"type": "array", "minItems": 1},
        "not": {"type": ["object", "array"]},
    },
    "additionalProperties": False,
    "minProperties": 1,
}
Where = Annotated[
    Any,
    PlainValidator(parse_condition),
    WithJsonSchema({"anyOf": [_OBJECT, {"type": "array", "items": _OBJECT, "minItems": 1}]}),
]

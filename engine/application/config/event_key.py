"""The entity's key in the pipeline file: paths, the message key, constants."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from engine.application.config.issues import invalid
from engine.application.config.json_path import PATH_SCHEMA, parse_path
from engine.domain.errors import nearest
from engine.domain.mapping import Constant, KeyFormat, KeyPart, MessageKey

MESSAGE_KEY = "$message_key"


def _parts(value: object) -> object:
    if value == MESSAGE_KEY:
        return []
    if isinstance(value, (str, dict)):
        return [value]
    if not isinstance(value, list) or not value:
        raise invalid(f"expected a path, a list of paths, or {MESSAGE_KEY}")
    return value


def part(value: object) -> KeyPart:
    """Read one part of a key."""
    if isinstance(value, str) and value == MESSAGE_KEY:
        return MessageKey()
    if not isinstance(value, dict):
        return parse_path(value)
    if len(value) != 1 or not value.keys() <= {"message", "const"}:
        raise invalid("expected a path, {message: format of the message key} or {const: text}")
    if "const" in value:
        return _constant(value["const"])
    formats = get_args(KeyFormat)
    if value["message"] not in formats:
        near = nearest(str(value["message"]), formats)
        raise invalid(f"expected one of {', '.join(formats)}.{near}", "message")
    return MessageKey(value["message"])


def _constant(value: object) -> Constant:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise invalid("expected a text", "const")
    return Constant(str(value))


_PART_SCHEMA = {
    "anyOf": [
        PATH_SCHEMA,
        {
            "type": "object",
            "properties": {
                "message": {
                    "enum": list(get_args(KeyFormat)),
                    "description": "The message key, and how its bytes are read.",
                },
                "const": {"type": "string", "description": "The same for all events."},
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
    ]
}
_SCHEMA = {"anyOf": [_PART_SCHEMA, {"type": "array", "items": _PART_SCHEMA, "minItems": 1}]}

Key = Annotated[
    tuple[Annotated[Any, PlainValidator(part)], ...],
    BeforeValidator(_parts),
    WithJsonSchema(_SCHEMA),
]
"""Parts of the key; none for the message key as text."""

"""The entity's key in the pipeline file: paths, the message key, constants."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from engine.application import registry
from engine.application.config.event_format import FORMAT_SCHEMA, choose_format
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
    if value.keys() == {"const"}:
        return _constant(value["const"])
    if "message" not in value or not value.keys() <= {"message", "path"}:
        raise invalid("expected a path, {message: format of the message key} or {const: text}")
    return _message_key(value)


def _message_key(value: dict[str, Any]) -> MessageKey:
    kind, formats = value["message"], get_args(KeyFormat)
    if kind in formats:
        if "path" in value:
            raise invalid(f"expected no path: a key that is {kind} has no fields", "path")
        return MessageKey(kind)
    if isinstance(kind, str) and kind not in ("json", *registry.names("formats")):
        known = (*formats, "json", *registry.names("formats"))
        raise invalid(f"expected one of {', '.join(known)}.{nearest(kind, known)}", "message")
    # JSON as it is has no id of a schema before it, and is read alike.
    choice = choose_format("json_schema" if kind == "json" else kind)
    assert choice is not None
    path = parse_path(value["path"]) if "path" in value else ()
    risks = tuple(choice.settings.risks())
    return MessageKey(read=choice.create(frozenset()), path=path, risks=risks)


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
                    "anyOf": [{"enum": [*get_args(KeyFormat), "json"]}, FORMAT_SCHEMA],
                    "description": "The message key, and how its bytes are read.",
                },
                "path": PATH_SCHEMA,
                "const": {"type": "string", "description": "The same for all events."},
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 2,
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

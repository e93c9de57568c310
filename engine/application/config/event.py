"""The event mapping of the pipeline file: which fields are the entity, the time, the values."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator
from typing_extensions import Self

from engine.application.config.issues import Misfit, misfit, refusal
from engine.application.config.json_path import JsonPath, parse_path
from engine.application.config.quantity import Duration, Size, nanoseconds
from engine.application.ports import Settings
from engine.domain.errors import nearest
from engine.domain.mapping import (
    Constant,
    EventMapping,
    KeyFormat,
    KeyPart,
    MessageKey,
    TimeField,
    TimeUnit,
    ValueField,
)

MESSAGE_KEY = "$message_key"
PROBE = datetime(2001, 2, 3, 4, 5, 6)


class TimeSpec(Settings):
    """Where the event time stands, and how it is written: a unit or a format."""

    path: JsonPath
    """Path of the field."""
    unit: TimeUnit | None = None
    """Unit of a number since 1970: s, ms, us or ns."""
    format: str | None = None
    """Format of a text: iso8601, or strptime codes such as %d/%m/%Y %H:%M:%S (UTC unless %z)."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.unit is None) == (self.format is None):
            raise invalid(
                "expected either unit (s, ms, us, ns) or format (iso8601, strptime codes)"
            )
        if self.format not in (None, "iso8601"):
            _check_format(str(self.format))
        return self


class ValueSpec(Settings):
    """One value: its path, and whether it may be missing."""

    path: JsonPath
    """Path of the field."""
    optional: bool = False
    """Whether the field may be missing or null: then it is a gap, and not a reject."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


def _key(value: object) -> object:
    if value == MESSAGE_KEY:
        return []
    if isinstance(value, (str, dict)):
        return [value]
    if not isinstance(value, list) or not value:
        raise invalid(f"expected a path, a list of paths, or {MESSAGE_KEY}")
    return value


def _key_part(value: object) -> KeyPart:
    if isinstance(value, str) and value == MESSAGE_KEY:
        return MessageKey()
    if not isinstance(value, dict):
        return parse_path(value)
    if len(value) != 1 or not value.keys() <= {"message", "const"}:
        raise misfit("expected a path, {message: format of the message key} or {const: text}")
    if "const" in value:
        return _constant(value["const"])
    if value["message"] not in get_args(KeyFormat):
        formats = get_args(KeyFormat)
        near = nearest(str(value["message"]), formats)
        raise misfit(f"expected one of {', '.join(formats)}.{near}", "message")
    return MessageKey(value["message"])


def _constant(value: object) -> Constant:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise misfit("expected a text", "const")
    return Constant(str(value))


def _time(value: object) -> object:
    if value is None or (isinstance(value, str) and value != "message"):
        raise invalid("expected a path with unit or format, or the word message")
    return None if value == "message" else value


def _values(value: object) -> object:
    if not value or not isinstance(value, (dict, list)):
        raise invalid("expected names with their paths, or a list of paths; at least one")
    if isinstance(value, dict):
        return value
    strange = "expected a path; options are given by name: {my_value: {path: ..., optional: true}}"
    issues = [
        FieldIssue((n,), strange) for n, path in enumerate(value) if not isinstance(path, str)
    ]
    again = "expected a path that is not listed yet"
    issues += [FieldIssue((n,), again) for n, path in enumerate(value) if path in value[:n]]
    if issues:
        raise invalid_fields(issues)
    return {path: path for path in value}


def _check_format(text: str) -> None:
    try:
        read = datetime.strptime(PROBE.strftime(text), text)
    except ValueError as error:
        raise invalid(f"expected iso8601 or strptime codes: {error}", "format") from None
    if read.date() != PROBE.date():
        raise invalid("expected iso8601, or strptime codes that give a full date", "format")


_PATH_SCHEMA = {"type": "string", "minLength": 1}
_TIME_SCHEMA = {"anyOf": [{"const": "message"}, TimeSpec.model_json_schema()]}
_VALUE_SCHEMA = {"anyOf": [_PATH_SCHEMA, ValueSpec.model_json_schema()]}
_KEY_PART_SCHEMA = {
    "anyOf": [
        _PATH_SCHEMA,
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
_KEY_SCHEMA = {
    "anyOf": [_KEY_PART_SCHEMA, {"type": "array", "items": _KEY_PART_SCHEMA, "minItems": 1}]
}
_VALUES_SCHEMA = {
    "anyOf": [
        {"type": "object", "additionalProperties": _VALUE_SCHEMA, "minProperties": 1},
        {"type": "array", "items": _PATH_SCHEMA, "minItems": 1, "uniqueItems": True},
    ]
}


class EventSpec(Settings):
    """How a message becomes an event."""

    key: Annotated[
        tuple[Annotated[Any, PlainValidator(_key_part)], ...],
        BeforeValidator(_key),
        WithJsonSchema(_KEY_SCHEMA),
    ]
    """The entity: a path, a list of paths joined by "/", $message_key for the message's key,
    {message: int64} for one that is binary, or {const: name} where all is of one entity."""
    time: Annotated[TimeSpec | None, BeforeValidator(_time), WithJsonSchema(_TIME_SCHEMA)] = Field(
        default=None, json_schema_extra={"default": "message"}
    )
    """The event time: a path with unit or format, or the word message for its own timestamp."""
    values: Annotated[
        dict[str, ValueSpec], BeforeValidator(_values), WithJsonSchema(_VALUES_SCHEMA)
    ]
    """The values: names with their paths, or a list of paths."""
    max_bytes: Size = Field(default=2**20, json_schema_extra={"default": "1MiB"})
    """A larger message is rejected."""
    max_future: Duration = Field(default=timedelta(days=1), json_schema_extra={"default": "1d"})
    """An event further ahead of its message's timestamp, or of the clock here, is rejected."""
    max_past: Duration | None = None
    """An event further behind its message's timestamp is rejected, with time: message one further
    behind the clock here; null: never."""
    lateness: Duration | None = None
    """An event older than its entity's newest by more is late: scored, not learned; null: never."""

    def mapping(self) -> EventMapping:
        """Return the mapping in the domain's words."""
        time = self.time
        return EventMapping(
            key=self.key,
            time=TimeField() if time is None else TimeField(time.path, time.unit, time.format),
            values=tuple(
                ValueField(name, value.path, value.optional) for name, value in self.values.items()
            ),
            max_bytes=self.max_bytes,
            max_future=nanoseconds(self.max_future),
            lateness=None if self.lateness is None else nanoseconds(self.lateness),
            max_past=None if self.max_past is None else nanoseconds(self.max_past),
        )

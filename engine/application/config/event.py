"""The event mapping of the pipeline file: which fields are the entity, the time, the values."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from engine.application.config.event_format import FormatField
from engine.application.config.event_key import Key
from engine.application.config.event_time import TimeSpec
from engine.application.config.event_values import Values, ValueSpec, each
from engine.application.config.event_where import Where
from engine.application.config.issues import invalid
from engine.application.config.json_path import parse_path
from engine.application.config.plugin_choice import RepartitionChoice
from engine.application.config.quantity import Duration, Size, nanoseconds
from engine.application.config.silence import Zone
from engine.application.ports import Settings
from engine.domain.condition import AllOf, IsScalar, conjuncts
from engine.domain.format import MappedFormat
from engine.domain.mapping import EventMapping, KeyPart, TimeField, ValueField
from engine.domain.path import EACH, Path
from engine.domain.value_rule import ValueRule

MESSAGE = "$message"


def _time(value: object) -> object:
    if value is None or (isinstance(value, str) and value != "message"):
        raise invalid("expected a path with unit or format, or the word message")
    return None if value == "message" else value


def _explode(value: object) -> Path | None:
    if value is None or value == MESSAGE:
        return None if value is None else ()
    return parse_path(value)


_TIME_SCHEMA = {"anyOf": [{"const": "message"}, TimeSpec.model_json_schema()]}


class EventSpec(Settings):
    """How a message becomes an event."""

    format: FormatField = Field(default=None, json_schema_extra={"default": "json"})
    """Format of the messages: json, or one of docs/formats.md with its settings."""
    key: Key
    """The entity: a path, a list of paths joined by "/", $message_key for the message's key,
    {message: int64} for one that is binary, {message: {avro: {...}}, path: id} for one of a format
    of messages, or {const: name} where all is of one entity."""
    time: Annotated[TimeSpec | None, BeforeValidator(_time), WithJsonSchema(_TIME_SCHEMA)] = Field(
        default=None, json_schema_extra={"default": "message"}
    )
    """The event time: a path with unit or format, or the word message for its own timestamp."""
    values: Values
    """The values: names with their paths, or a list of paths; {each: "fields.*"} makes an event
    of each field of an object, of the entity with the field's name behind its own; the path may go
    on behind the star."""
    where: Where | None = None
    """Conditions: what they do not hold for is passed over and counted."""
    explode: Annotated[
        Path | None,
        PlainValidator(_explode),
        WithJsonSchema({"type": ["string", "null"], "minLength": 1}),
    ] = None
    """Path of an array, each element of which is an event: in all other paths it stands in the
    array's place. $message where the message is the array; fields.* for the fields of an object."""
    tombstones: Literal["reject", "skip"] = "reject"
    """Whether messages without a payload are rejected, or passed over and counted."""
    max_bytes: Size = Field(default=2**20, json_schema_extra={"default": "1MiB"})
    """A larger message is rejected."""
    max_future: Duration = Field(default=timedelta(days=1), json_schema_extra={"default": "1d"})
    """An event further ahead of its message's timestamp, or of the clock here, is rejected."""
    max_past: Duration | None = None
    """An event further behind its message's timestamp is rejected, with time: message one further
    behind the clock here; null: never."""
    lateness: Duration | None = None
    """An event older than its entity's newest by more is late: scored, not learned; null: never."""

    order: Literal["arrival", "event_time"] = "arrival"
    """arrival: events are processed as they come; event_time: those of an entity are put in order
    within event.lateness first."""
    timezone: Zone = "UTC"
    """Time zone in which days repeat, such as Europe/Berlin: for the seasons that auto learns, and
    for weekly silences. How times are read from messages is event.time.zone."""

    repartition: RepartitionChoice = None
    """Re-keys messages by event.key through a topic, {kafka: {topic: name}}, before anything else
    is done with them; for topics whose messages are not keyed by the entity."""

    @model_validator(mode="after")
    def _order_has_a_lateness(self) -> Self:
        if self.order == "event_time" and self.lateness is None:
            text = "expected event.lateness beside it: how long events wait for those before them"
            raise invalid(text, "order")
        return self

    @model_validator(mode="after")
    def _steps_are_between_elements(self) -> Self:
        if self.time is not None and self.time.step is not None and self.explode is None:
            text = "expected event.explode beside it: it is the time between elements of an array"
            raise invalid(text, "time", "step")
        return self

    @model_validator(mode="after")
    def _stars_are_exploded(self) -> Self:
        explode = self.explode
        one, _ = each(self.values, explode) or (None, ())
        if one is not None and explode is not None and one.path[: len(explode)] != explode:
            raise invalid("expected a path below event.explode", "values", "each")
        for name, value in self.values.items():
            stars = value.path.count(EACH) - (value is one)
            if stars > (explode or ()).count(EACH):
                hint = 'expected no * here, but in event.explode, or in {each: "fields.*"} alone'
                raise invalid(hint, "values", name, "path")
        return self

    def mapping(self) -> EventMapping:
        """Return the mapping in the domain's words."""
        key, values, explode, where = self.key, self._values(), self.explode, self.where
        one = each(self.values, explode)
        if one is not None:
            key, values, explode = self._each(*one)
            is_value = IsScalar(values[0].path, values[0].takes_text)
            where = AllOf((*conjuncts(where), is_value))
        mapping = EventMapping(
            key=key,
            time=TimeField() if self.time is None else self.time.field(),
            values=values,
            max_bytes=self.max_bytes,
            max_future=nanoseconds(self.max_future),
            lateness=None if self.lateness is None else nanoseconds(self.lateness),
            where=where,
            explode=explode,
            array=self.explode == (),
            tombstones=self.tombstones,
            max_past=None if self.max_past is None else nanoseconds(self.max_past),
            timezone=self.timezone,
            order=self.order,
        )
        if self.format is None:
            return mapping
        read = self.format.create(mapping.text_fields)
        if isinstance(read, MappedFormat):
            read.map_fields(frozenset(mapping.paths))
        whole = () if read.many and explode is None else explode
        return replace(mapping, format=read, explode=whole)

    def rules(self) -> tuple[ValueRule | None, ...]:
        """Return the rule of each value of the mapping; nothing if none has one."""
        rules = tuple(value.rule() for value in self.values.values())
        return rules if any(rules) else ()

    def _values(self) -> tuple[ValueField, ...]:
        return tuple(value.field(name, value.path) for name, value in self.values.items())

    def _each(
        self, one: ValueSpec, star: Path
    ) -> tuple[tuple[KeyPart, ...], tuple[ValueField, ...], Path]:
        """Return key, values and what is exploded where each field of an object is an event."""
        value: Path = (*star, "value", *one.path[len(star) :])
        given = self.key or EventMapping((), TimeField(), ()).key_parts
        return (*given, (*star, "name")), (one.field("value", value),), star

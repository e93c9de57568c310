"""The event mapping: which parts of a message are the entity, the time and the values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any, Literal

from engine.domain.condition import Condition, paths, texts_compared
from engine.domain.format import Format
from engine.domain.path import EACH, Base64Text, JsonText, Path, field_names
from engine.domain.time_units import NS_PER_DAY

LONGEST_KEY_CHARS = 4_096
"""Characters of an entity's key; a longer one is not a name, and would not fit into a record."""

TimeUnit = Literal["s", "ms", "us", "ns", "100ns", "d"]
EXCEL_FORMATS = ("excel", "excel1904", "wincc")
"""Formats of times that are numbers of days since 1900 or 1904, or millionths of them, in local
time."""
KeyFormat = Literal["string", "int16", "int32", "int64", "uuid", "hex"]
"""How the bytes of a message key are read."""
Reading = Literal["plain", "number", "quantity", "decimal", "int8", "int16", "int32", "int64"]
"""How a value is read: as a number alone, or also as text, with a unit, as base64, or as a register
whose upper half is negative."""


@dataclass(frozen=True, slots=True)
class MessageKey:
    """A part of the entity's key: the message key, and how its bytes are read.

    Attributes:
        format: of bytes that are one text or number.
        read: reads a key that is a document, such as Avro's; None if it is none.
        path: path of the part in the document; empty for the whole document, or its only field.
        risks: what people should know before its format is used.
    """

    format: KeyFormat = "string"
    read: Format | None = None
    path: Path = ()
    risks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Constant:
    """A part of the entity's key that is the same for all events."""

    text: str


KeyPart = Path | MessageKey | Constant


@dataclass(frozen=True, slots=True)
class ValueField:
    """One value of an event: its name, its path, and how it is read.

    Attributes:
        name: of the value.
        path: where it is in the document.
        optional: whether it may be missing or null: a gap.
        reading: "number" takes numbers as text too, "quantity" with a prefix or unit as well,
            "decimal" base64 of a big-endian integer, as Debezium writes them; "int8" to "int64"
            take unsigned integers for signed ones, in two's complement.
        decimal: the decimal sign of numbers as text.
        scale: digits after the point of a "decimal".
        unit: that a "quantity" is written with.
        numbers: what texts, true and false mean, by their text.
        missing: texts and numbers that mean that nothing was measured: a gap.
        counter: whether it is a counter, of which the rate is watched.
    """

    name: str
    path: Path
    optional: bool = False
    reading: Reading = "plain"
    decimal: str = "."
    scale: int = 0
    unit: str = ""
    numbers: tuple[tuple[str, float], ...] = ()
    missing: tuple[str | float, ...] = ()
    counter: bool = False

    @property
    def takes_text(self) -> bool:
        """Whether a text may be one of its numbers."""
        return self.reading != "plain" or bool(self.numbers) or bool(self.missing)


@dataclass(frozen=True, slots=True)
class TimeStep:
    """The time between the samples of a message.

    Attributes:
        path: of the field that has it; None: it is `ns`.
        unit: of that field; "Hz" is a rate.
        ns: the time, if no field has it.
    """

    path: Path | None
    unit: Literal["s", "ms", "us", "ns", "Hz"] = "s"
    ns: int = 0


@dataclass(frozen=True, slots=True)
class TimeField:
    """Where the event time is, and how it is written.

    Attributes:
        path: None takes the message's own timestamp.
        unit: of a number; exactly one of unit and format is set where path is.
        format: "iso8601", "rfc2822", one of EXCEL_FORMATS, or a strptime format.
        since: what a number counts from: 1970 ("epoch"), the message's own timestamp ("message"),
            or a date such as 1904-01-01.
        also: further fields of the time, such as a clock beside a date; joined by spaces.
        zone: name of the time zone of texts that name none; UTC unless given.
        step: the time between samples that a message has as an array; None: all are of one time.
    """

    path: Path | None = None
    unit: TimeUnit | None = None
    format: str | None = None
    also: tuple[Path, ...] = ()
    zone: str | None = None
    since: str = "epoch"
    step: TimeStep | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The fields of the time; none if it is the message's own."""
        return () if self.path is None else (self.path, *self.also)

    @property
    def names_year(self) -> bool:
        """Whether its texts name the year, or it has no format of strptime."""
        named = (None, "iso8601", "rfc2822", *EXCEL_FORMATS)
        return self.format in named or has_year(str(self.format))


def has_year(form: str) -> bool:
    """Return whether times in a format of strptime name the year."""
    return not {"Y", "y", "G", "c", "x"}.isdisjoint(re.findall("%(.)", form))


@dataclass(frozen=True, slots=True)
class EventMapping:
    """How a message becomes an event.

    Attributes:
        key: parts that, joined by "/", name the entity; empty takes the message key as text.
        time: the event time.
        values: the d values, in column order.
        max_bytes: a larger message is rejected.
        max_future: ns; an event further ahead of its message's timestamp, or of the clock of this
            machine, is rejected.
        lateness: ns; an event older than its entity's newest by more is late; None: never.
        where: what holds for messages that become events; others are passed over.
        explode: path of an array, each element of which becomes an event: it takes the place
            of the array then. Empty: the message is such an array itself. None: no array.
        array: whether the message may be an array of what is exploded.
        format: reads payloads; None: they are JSON.
        tombstones: whether messages without a payload are rejected or passed over.
        max_past: ns; an event further behind its message's timestamp is rejected, and a message
            whose own timestamp is the event time, further behind the clock of this machine; None:
            never.
        order: of the events of an entity: as they arrive, or by event time within the lateness.
        timezone: name of the zone on whose clocks things repeat by the hour of the day.
    """

    key: tuple[KeyPart, ...]
    time: TimeField
    values: tuple[ValueField, ...]
    max_bytes: int = 1_048_576
    max_future: int = NS_PER_DAY
    lateness: int | None = None
    where: Condition | None = None
    explode: Path | None = None
    array: bool = False
    tombstones: Literal["reject", "skip"] = "reject"
    format: Format | None = None
    max_past: int | None = None
    timezone: str = "UTC"
    order: Literal["arrival", "event_time"] = "arrival"

    @property
    def key_parts(self) -> tuple[KeyPart, ...]:
        """The parts of the key; at least one."""
        return self.key or (MessageKey(),)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All paths that are read, in the message as it is or with an element in its place."""
        keys = [part for part in self.key if isinstance(part, tuple)]
        conditions = () if self.where is None else paths(self.where)
        step = self.time.step
        steps = () if step is None or step.path is None else (step.path,)
        values = (value.path for value in self.values)
        return (*keys, *self.time.paths, *steps, *values, *conditions)

    @property
    def fields(self) -> frozenset[str]:
        """Names of the outermost fields that are read."""
        return _names(self.paths)

    @property
    def text_fields(self) -> frozenset[str]:
        """Names of the outermost fields that are read as texts, even if they look like numbers.

        A source of texts, such as CSV, must not turn them into numbers: 007 and 7 are two ids.
        """
        texts = [part for part in self.key if isinstance(part, tuple)]
        if self.time.format is not None:
            texts += self.time.paths
        if self.where is not None:
            texts += texts_compared(self.where)
        texts += [path for path in self.paths if {JsonText(), Base64Text()} & {*path}]
        return _names(texts)

    @property
    def value_names(self) -> tuple[str, ...]:
        """Names of the values, in column order."""
        return tuple(value.name for value in self.values)


def _names(paths: Iterable[Path]) -> frozenset[str]:
    """Return the names that some paths begin with; one into an array begins with none."""
    return frozenset(name for path in paths for name in field_names(path[0]) if name != EACH)


FIRST_FIELDS: dict[type, set[str]] = {
    EventMapping: {"key", "time", "values", "max_bytes", "max_future", "lateness"},
    TimeField: {"path", "unit", "format"},
    ValueField: {"name", "path", "optional"},
}
"""What mappings had in the first release."""


def decisive(part: Any) -> Any:
    """Return a mapping, or a part of one, as plain data, for the digests that ids are made from.

    A field that the first release did not have is left out where it has its default: an upgrade
    alone changes no id.
    """
    if isinstance(part, tuple):
        return [decisive(inner) for inner in part]
    if not is_dataclass(part):
        return part
    kind = {} if type(part) in FIRST_FIELDS else {"kind": type(part).__name__}
    kept = {field.name: getattr(part, field.name) for field in fields(part) if _counts(field, part)}
    plugged = {"format", "read", "risks"}
    found = {name: decisive(value) for name, value in kept.items() if name not in plugged}
    if isinstance(part, EventMapping) and part.format is not None:
        # The address of a registry decides nothing, and its settings may be secret.
        found["format"] = part.format.name
    elif isinstance(part, MessageKey) and part.read is not None:
        found["format"] = part.read.name
    elif "format" in kept:
        found["format"] = kept["format"]
    return kind | found


def _counts(field: Field[Any], part: Any) -> bool:
    first = FIRST_FIELDS.get(type(part), ())
    return field.name in first or getattr(part, field.name) != field.default

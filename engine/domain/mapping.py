"""The event mapping: which parts of a message are the entity, the time and the values."""

from __future__ import annotations

from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any, Literal

Step = str | int
"""One step into a document: the name of a field, or the index of an array."""
Path = tuple[Step, ...]
"""Steps into a document."""

MOST_STEPS = 32
"""Of a path: deeper documents are rejected as too deep anyway."""
LONGEST_KEY = 4_096
"""Characters of an entity's key; a longer one is no name, and would not fit into a record."""

TimeUnit = Literal["s", "ms", "us", "ns"]
KeyFormat = Literal["string", "int16", "int32", "int64", "uuid", "hex"]
"""How the bytes of a message key are read."""


@dataclass(frozen=True, slots=True)
class MessageKey:
    """A part of the entity's key: the message key, and how its bytes are read."""

    format: KeyFormat = "string"


@dataclass(frozen=True, slots=True)
class Constant:
    """A part of the entity's key that is the same for all events."""

    text: str


KeyPart = Path | MessageKey | Constant


@dataclass(frozen=True, slots=True)
class ValueField:
    """One value of an event: its name, where it stands, and whether it may be missing."""

    name: str
    path: Path
    optional: bool = False


@dataclass(frozen=True, slots=True)
class TimeField:
    """Where the event time stands and how it is written.

    Attributes:
        path: None takes the message's own timestamp.
        unit: of a number; exactly one of unit and format is set where path is.
        format: "iso8601", or a strptime format (UTC where it names no zone).
    """

    path: Path | None = None
    unit: TimeUnit | None = None
    format: str | None = None


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
        max_past: ns; an event further behind its message's timestamp is rejected, and a message
            whose own timestamp is the event time, further behind the clock of this machine; None:
            never.
    """

    key: tuple[KeyPart, ...]
    time: TimeField
    values: tuple[ValueField, ...]
    max_bytes: int = 1_048_576
    max_future: int = 86_400_000_000_000
    lateness: int | None = None
    max_past: int | None = None

    @property
    def key_parts(self) -> tuple[KeyPart, ...]:
        """The parts of the key; at least one."""
        return self.key or (MessageKey(),)

    @property
    def text_fields(self) -> frozenset[str]:
        """Names of the outermost fields that are read as texts, also where they look like numbers.

        A source of texts, such as CSV, must not turn them into numbers: 007 and 7 are two ids.
        """
        paths = [part for part in self.key if isinstance(part, tuple)]
        if self.time.path is not None and self.time.format is not None:
            paths.append(self.time.path)
        return frozenset(str(path[0]) for path in paths)

    @property
    def value_names(self) -> tuple[str, ...]:
        """Names of the values, in column order."""
        return tuple(value.name for value in self.values)


def path_text(path: Path) -> str:
    """Write a path the way the pipeline file does: `a.b[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


FIRST_FIELDS = {"key", "time", "values", "max_bytes", "max_future", "lateness"}
FIRST_FIELDS |= {"name", "path", "optional", "unit", "format"}


def decisive(part: Any) -> Any:
    """Return a mapping, or a part of one, as plain data, for the digests that ids are made from.

    A field that the first release did not have is left out where it has its default: an upgrade
    alone changes no id.
    """
    if isinstance(part, tuple):
        return [decisive(inner) for inner in part]
    if not is_dataclass(part):
        return part
    kept = {field.name: getattr(part, field.name) for field in fields(part) if _counts(field, part)}
    return {name: decisive(value) for name, value in kept.items()}


def _counts(field: Field[Any], part: Any) -> bool:
    return field.name in FIRST_FIELDS or getattr(part, field.name) != field.default

"""The event mapping: which parts of a message are the entity, the time and the values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Path = tuple[str | int, ...]
"""Steps into a JSON document: names of fields and indices of arrays."""

LONGEST_KEY = 4_096
"""Characters of an entity's key; a longer one is no name, and would not fit into a record."""

TimeUnit = Literal["s", "ms", "us", "ns"]


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
        key: paths whose values, joined by "/", name the entity; empty takes the message key.
        time: the event time.
        values: the d values, in column order.
        max_bytes: a larger message is rejected.
        max_future: ns; an event further ahead of its message's timestamp is rejected.
        lateness: ns; an event older than its entity's newest by more is late; None: never.
    """

    key: tuple[Path, ...]
    time: TimeField
    values: tuple[ValueField, ...]
    max_bytes: int = 1_048_576
    max_future: int = 86_400_000_000_000
    lateness: int | None = None

    @property
    def value_names(self) -> tuple[str, ...]:
        """Names of the values, in column order."""
        return tuple(value.name for value in self.values)


def path_text(path: Path) -> str:
    """Write a path the way the pipeline file does: `a.b[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")

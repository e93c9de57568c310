"""An event mapping suggested from messages: which field is the key, the time, a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

DEEPEST = 4
MOST_VALUES = 20
PLAIN = re.compile(r"[A-Za-z_@$][A-Za-z0-9_@$-]*")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
"""Names that a path needs no quotes for; fields of other names are not suggested."""
TIMES = re.compile(r"(^|_|\.|@)(ts|time|timestamp|event_time|datetime|date|at)$", re.IGNORECASE)
KEYS = re.compile(
    r"(id|key|name|sensor|device|machine|asset|host|hostname|entity|tag|node|meter|station)$",
    re.IGNORECASE,
)
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
FIRST_SECOND, LAST_SECOND = 946_684_800, 4_102_444_800
"""Of the years 2000 to 2100: numbers between are taken for times."""


@dataclass
class _Field:
    count: int = 0
    found: list[Any] = field(default_factory=list)


def suggested_mapping(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the `event` part of a pipeline file for messages; None if no field can be the time.

    Fields that not every message has are neither key nor time, and as values they are optional. Of
    several candidates, one whose name says so comes first, and then the first of the message.
    """
    fields: dict[str, _Field] = {}
    for document in documents:
        for path, value in _scalars(document, "", 0):
            one = fields.setdefault(path, _Field())
            one.count += 1
            one.found.append(value)
    always = {path for path, one in fields.items() if one.count == len(documents)}
    times = {path: spec for path in always if (spec := _time(path, fields[path].found))}
    if not times:
        return None
    time = _first(times, TIMES, fields)
    keys = {
        path
        for path in always - times.keys()
        if _can_be_key(path, fields[path].found)
        and (KEYS.search(path) or not all(map(_is_value, fields[path].found)))
    }
    key = _first(keys, KEYS, fields) if keys else None
    values = [
        path
        for path, one in fields.items()
        if path not in times and path != key and all(map(_is_value, one.found))
    ][:MOST_VALUES]
    mapping: dict[str, Any] = {"key": {"const": "all"} if key is None else key}
    mapping["time"] = times[time]
    mapping["values"] = {
        path: {
            "path": path,
            **({} if path in always else {"optional": True}),
            **({} if all(map(_is_number, fields[path].found)) else {"as": "number"}),
        }
        for path in values
    }
    return mapping


def _scalars(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        if depth >= DEEPEST:
            return
        for name, inner in value.items():
            if PLAIN.fullmatch(name):
                yield from _scalars(inner, f"{path}.{name}" if path else name, depth + 1)
    elif value is not None and not isinstance(value, list):
        yield path, value


def _time(path: str, found: Sequence[Any]) -> dict[str, str] | None:
    """Return how a field is a time; None if it is none."""
    if all(isinstance(value, str) for value in found):
        return {"path": path, "format": "iso8601"} if all(map(_is_iso, found)) else None
    if all(map(_is_number, found)):
        for unit, parts in UNITS.items():
            if all(FIRST_SECOND <= value / parts <= LAST_SECOND for value in found):
                return {"path": path, "unit": unit}
    return None


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    # A date alone, or digits, are more often something else.
    return len(text) > len("2026-01-01")


def _is_value(value: Any) -> bool:
    """Whether a value is a number, or a text of one with a point: without it may be an id."""
    is_text = isinstance(value, str) and NUMBER.fullmatch(value) is not None and "." in value
    return is_text or _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _can_be_key(path: str, found: Sequence[Any]) -> bool:
    """Return whether a field can be the key: texts, or integers of a name that says so."""
    if all(isinstance(value, str) for value in found):
        return True
    named = KEYS.search(path) is not None
    return named and all(isinstance(x, int) and not isinstance(x, bool) for x in found)


def _first(candidates: Any, names: re.Pattern[str], fields: Mapping[str, _Field]) -> str:
    """Return the candidate whose name says so, or the first of the message."""
    ordered = [path for path in fields if path in candidates]
    return next((path for path in ordered if names.search(path)), ordered[0])

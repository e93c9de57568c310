"""The fields that name the entity: what repeats, and has few values against many events."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.domain.path import Path
from engine.domain.suggestion.fields import Field, is_number, is_number_as_text
from engine.domain.suggestion.names import ENTITY, OWN_ID, THING, UNIT
from engine.domain.suggestion.times import is_written_time

FEW = 4
"""Events that are too few to tell whether a field repeats."""
MOST_PARTS = 3
LONGEST = 100
CLASH = 0.9
"""Share of events with an entity and a time of their own, below which a part of the key misses."""
OWN = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
"""A UUID: of a message, unless it repeats."""


def key_of(
    fields: Mapping[Path, Field],
    times: Sequence[object],
    array: Path | None,
    message_keys: Sequence[str | None],
    sampled: Sampled,
) -> list[Path]:
    """Return the fields that name the entity together; none if no field does.

    Args:
        fields: those that may be a part of it.
        times: of the events.
        array: the array whose elements are the events.
        message_keys: the keys of the messages as texts, by event.
        sampled: what is known of the events.
    """
    candidates = {path: field for path, field in fields.items() if _can_name(field, sampled)}
    if not candidates:
        return []
    first = max(candidates.values(), key=lambda field: _rank(field, message_keys))
    parts = [first.path]
    more = {
        path: field
        for path, field in candidates.items()
        if path != first.path
        and (ENTITY.search(field.name) or (array and path[: len(array)] == array))
    }
    while len(parts) < MOST_PARTS:
        now = _apart([candidates[path] for path in parts], times)
        if now >= CLASH * len(times) or not more:
            break
        chosen = [candidates[path] for path in parts]
        better = {path: _apart([*chosen, field], times) for path, field in more.items()}
        best = max(better, key=lambda path: better[path])
        if better[best] < 1.2 * now:
            break
        parts.append(best)
        del more[best]
    return parts


@dataclass(frozen=True, slots=True)
class Sampled:
    """What is known of the events that fields were found in.

    Attributes:
        one_message: whether they are the elements of one message.
        one_moment: whether they are all of one second, as those of one scrape are.
    """

    one_message: bool = False
    one_moment: bool = False


def is_own_id(field: Field, sampled: Sampled) -> bool:
    """Return whether a field is an id of the message: nearly each has another."""
    count = len(field.column)
    if OWN_ID.search(field.name) and (count <= FEW or field.distinct * 2 > count):
        return True
    if sampled.one_message or (THING.search(field.name) and (count <= FEW or sampled.one_moment)):
        return False
    if all(isinstance(value, str) and OWN.fullmatch(value) for value in field.found):
        return field.distinct * 2 > count
    return count > FEW and field.distinct * 2 > count


def _can_name(field: Field, sampled: Sampled) -> bool:
    """Return whether a field can be the key: texts, or integers of a name that says so."""
    found = field.found
    if not field.is_always_there or is_own_id(field, sampled):
        return False
    if any(UNIT.search(str(step)) for step in field.path) or all(map(_is_decimal, found)):
        return False
    if all(isinstance(value, str) for value in found):
        return max(map(len, found)) <= LONGEST and not is_written_time(field)
    is_integer = all(is_number(value) and isinstance(value, int) for value in found)
    return is_integer and ENTITY.search(field.name) is not None


def _is_decimal(value: object) -> bool:
    return isinstance(value, str) and "." in value and is_number_as_text(value)


def _rank(field: Field, message_keys: Sequence[str | None]) -> tuple[bool | int, ...]:
    is_message_key = list(map(str, field.column)) == list(message_keys)
    is_named = ENTITY.search(field.name) is not None
    is_thing = THING.search(field.name) is not None
    varies = field.distinct > 1
    return is_message_key, is_named and varies, varies, is_named, is_thing, field.distinct


def _apart(fields: Sequence[Field], times: Sequence[object]) -> int:
    """Return the number of different pairs of an entity and a time."""
    columns = [field.column for field in fields]
    return len(set(zip(*columns, times, strict=True)))

"""The fields that name the entity: what repeats, and has few values against many events."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.domain.path import Path, path_text
from engine.domain.suggestion.fields import Field, is_number, is_number_as_text
from engine.domain.suggestion.names import (
    CHECK,
    CURRENCY,
    ENTITY,
    KIND_OF_CHANGE,
    LABELS,
    METRIC,
    OWN_ID,
    PROCESS,
    THING,
    UNIT,
    thing_rank,
)
from engine.domain.suggestion.quantities import unit_of
from engine.domain.suggestion.readings import is_text_value
from engine.domain.suggestion.times import is_written_time

FEW = 4
"""Events that are too few to tell whether a field repeats."""
PLACE = re.compile(r"\s*-?[0-9]{1,3}\.[0-9]+\s*[,; ]\s*-?[0-9]{1,3}\.[0-9]+\s*")
"""A latitude and a longitude in one text: where a thing is, not which one it is."""
MOST_PARTS = 3
LONGEST = 100
MANY = 8
"""Numbers that would hardly grow with the time by chance."""
NAME = re.compile(r"name$", re.IGNORECASE)
CLASH = 0.9
"""Share of events with an entity and a time of their own, below which a part of the key misses."""
LEAST_EVENTS = 8
"""Of a person, on average."""
OWN = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
"""A UUID: of a message, unless it repeats."""


def key_of(
    fields: Mapping[Path, Field],
    times: Sequence[object],
    message_keys: Sequence[str | None],
    sampled: Sampled,
) -> list[Path]:
    """Return the fields that name the entity together; none if no field does.

    Args:
        fields: those that may be a part of it.
        times: of the events.
        message_keys: the keys of the messages as texts, by event.
        sampled: what is known of the events.
    """
    candidates = {
        path: field
        for path, field in fields.items()
        if can_name(field, sampled) and not _counts_up(field, times)
    }
    if not candidates:
        return []
    first = max(candidates.values(), key=lambda field: _rank(field, message_keys))
    parts = [first.path]
    array = sampled.array
    more = {
        path: field
        for path, field in candidates.items()
        if path != first.path
        and (
            ENTITY.search(field.name)
            or METRIC.search(field.name)
            or any(LABELS.search(str(step)) for step in path[:-1])
            or (array and path[: len(array)] == array)
        )
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
    return [*_only_thing(parts, candidates), *parts]


@dataclass(frozen=True, slots=True)
class Sampled:
    """What is known of the events that fields were found in.

    Attributes:
        messages: the number of messages.
        array: the array whose elements are the events; None: each message is one.
        one_moment: whether they are all of one second, as those of one scrape are.
    """

    messages: int
    array: Path | None = None
    one_moment: bool = False

    @property
    def one_message(self) -> bool:
        """Whether they are the elements of one message."""
        return bool(self.array) and self.messages == 1

    def count_of(self, field: Field) -> int:
        """Return how often a field was written: of what is exploded once in each element."""
        array = self.array or ()
        is_within = field.path[: len(array)] == array
        return len(field.column) if is_within else self.messages


def is_own_id(field: Field, sampled: Sampled) -> bool:
    """Return whether a field is an id of the message: nearly each has another."""
    count = sampled.count_of(field)
    if OWN_ID.search(field.name) and (count <= FEW or field.distinct * 2 > count):
        return True
    if sampled.one_message or (THING.search(field.name) and (count <= FEW or sampled.one_moment)):
        return False
    if all(isinstance(value, str) and OWN.fullmatch(value) for value in field.found):
        return field.distinct * 2 > count
    return count > FEW and field.distinct * 2 > count


def notes_of_key(
    parts: Sequence[Path], fields: Mapping[Path, Field], times: Sequence[object]
) -> list[str]:
    """Return notes on the key: that its entities have names, or that it misses a part.

    Events of one entity that have the same time are as those of several would be.
    """
    others = ", ".join(map(path_text, _same_as(parts, fields)))
    notes = [f"the entities of the key have a name as well: {others}"] if others else []
    apart = _apart([fields[path] for path in parts], times)
    if apart >= CLASH * len(times):
        return notes
    chosen = [fields[path] for path in parts]
    more = [
        path_text(path)
        for path, field in fields.items()
        if path not in parts
        and not all(isinstance(value, float) for value in field.found)
        and any(LABELS.search(str(step)) for step in path[:-1])
        and _apart([*chosen, field], times) > apart
    ]
    advice = f"; perhaps {', '.join(more[:5])}, which not all have" if more else ""
    return [
        *notes,
        f"{len(times) - apart} events have the entity and time of another: the key misses a part"
        + advice,
    ]


def _same_as(parts: Sequence[Path], fields: Mapping[Path, Field]) -> list[Path]:
    """Return texts called names that distinguish the same entities as a number that is the key."""
    if len(parts) != 1 or not all(isinstance(one, int) for one in fields[parts[0]].found):
        return []
    key, *beside = fields[parts[0]], parts[0][:-1]
    return [
        path
        for path, field in fields.items()
        if [path[:-1]] == beside and NAME.search(field.name) and field.is_always_there
        if field.distinct == key.distinct > 1
        and len(set(zip(key.column, field.column, strict=True))) == key.distinct
    ][:2]


def _only_thing(parts: Sequence[Path], candidates: Mapping[Path, Field]) -> list[Path]:
    """Return the device or host that all events are of, if the key has none: others may follow."""
    if not candidates[parts[0]].distinct > 1 or any(map(_is_thing, parts)):
        return []
    constant = [path for path, field in candidates.items() if field.distinct == 1]
    return list(filter(_is_thing, constant))[:1]


def _is_thing(path: Path) -> bool:
    return THING.search(".".join(map(str, path[-2:]))) is not None


def can_name(field: Field, sampled: Sampled) -> bool:
    """Return whether a field can be the key: texts, or integers of a name that says so."""
    found = field.found
    if not field.is_always_there or is_own_id(field, sampled):
        return False
    if not any(str(value).strip() for value in found):
        return False
    if (
        PROCESS.search(field.name)
        or CHECK.search(field.name)
        or KIND_OF_CHANGE.search(field.name)
        or CURRENCY.search(field.name)
        or (field.name.lower() == "unit" and unit_of([f"1{value}" for value in found]))
        or any(UNIT.search(str(step)) for step in field.path)
        or all(is_number_as_text(value, field.name) for value in found)
    ):
        return False
    if all(isinstance(value, str) for value in found):
        is_short = max(map(len, found)) <= LONGEST
        is_place = all(map(PLACE.fullmatch, found))
        return is_short and not (is_place or is_written_time(field) or is_text_value(field))
    is_integer = all(is_number(value) and isinstance(value, int) for value in found)
    return is_integer and ENTITY.search(field.name) is not None


def _counts_up(field: Field, times: Sequence[object]) -> bool:
    """Return whether a field of integers only grows with the time, as numbers of entries do."""
    if field.distinct < MANY or not all(map(is_number, field.found)):
        return False
    pairs = sorted(zip(map(str, times), field.column, strict=True))
    return all(one <= other for (_, one), (_, other) in itertools.pairwise(pairs))


def _rank(field: Field, message_keys: Sequence[str | None]) -> tuple[bool | int, ...]:
    is_message_key = list(map(str, field.column)) == list(message_keys)
    rank, varies = thing_rank(field.path), field.distinct > 1
    is_person = rank < 0
    is_named = not is_person and (rank > 1 or ENTITY.search(field.name) is not None)
    # A person of whom little is known is not an entity.
    is_known = not is_person or field.distinct * LEAST_EVENTS <= len(field.column)
    likely = (is_named and varies, is_known and varies, is_named, is_person, rank, field.distinct)
    return is_message_key, *likely


def _apart(fields: Sequence[Field], times: Sequence[object]) -> int:
    """Return the number of different pairs of an entity and a time."""
    columns = [field.column for field in fields]
    return len(set(zip(*columns, times, strict=True)))

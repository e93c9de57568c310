"""A mapping for messages of one kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.domain.path import Path, path_text
from engine.domain.suggestion.elements import elements, ways_to_events
from engine.domain.suggestion.fields import fields_of
from engine.domain.suggestion.keys import Sampled
from engine.domain.suggestion.mixed import (
    has_object,
    mixed_paths,
    object_beside_numbers,
    unmixed,
)
from engine.domain.suggestion.no_values import names_something
from engine.domain.suggestion.opened import opened
from engine.domain.suggestion.passed_over import condition
from engine.domain.suggestion.readings import is_constant, is_value
from engine.domain.suggestion.roles import Roles
from engine.domain.suggestion.superseded import current
from engine.domain.suggestion.times import at_one_moment, time_of
from engine.domain.suggestion.typed import merged

MESSAGE = "$message"


@dataclass(frozen=True, slots=True)
class SuggestedMapping:
    """A mapping for messages.

    Attributes:
        event: the mapping, as in a pipeline file.
        notes: what to look at before it is used.
    """

    event: Mapping[str, Any]
    notes: Sequence[str]


def what_is_missing(documents: Sequence[Any]) -> str:
    """Return why messages have no mapping: that nothing is a number, or nothing a time."""
    documents = [opened(document) for document in documents]
    for path in ways_to_events(documents):
        fields = fields_of([event for one in documents for event in elements(one, path)])
        times = [spot for _, paths in filter(None, [time_of(fields, path)]) for spot in paths]
        found = [field for spot, field in fields.items() if spot not in times]
        if any(is_value(field) and not names_something(field) for field in found):
            return "no field that all of them have is a time"
    return "no field of them is a number that could be a value"


@dataclass(frozen=True, slots=True)
class KindMapping:
    """A mapping, and what it makes of the messages that it was suggested from.

    Attributes:
        suggested: the mapping.
        events: how many events they become.
        unread: the numbers of the messages that do not become an event.
        has_course: whether a value is not the same in all of many events.
    """

    suggested: SuggestedMapping
    events: int
    unread: frozenset[int]
    has_course: bool = True


def mapping_of_kind(
    documents: Sequence[Any],
    keys: Sequence[str | None],
    has_message_times: bool,
    takes_digits: bool = False,
) -> KindMapping | None:
    """Return a mapping for all messages; None if nothing in them can be the time, or no value.

    Args:
        documents: the messages.
        keys: of the messages.
        has_message_times: whether the time of the message can be that of the event.
        takes_digits: whether texts of digits are values: where nothing else is.
    """
    found = [
        one
        for path in ways_to_events(documents)
        if (one := _mapping(documents, keys, path, takes_digits))
    ]
    timed = [one for one in found if "time" in one.suggested.event]
    if not timed and has_message_times:
        timed = found
    # The charge of a battery beside an array of readings is not what the message is about.
    return next((one for one in timed if one.has_course), timed[0] if timed else None)


Event = tuple[Mapping[str, Any], str | None, int]
"""With the key of its message, and the number of that."""


def _mapping(
    documents: Sequence[Any], keys: Sequence[str | None], array: Path | None, takes_digits: bool
) -> KindMapping | None:
    """Return the mapping where an array is exploded; None if nothing in it can be a value."""
    events = [
        (event, key, row)
        for row, (document, key) in enumerate(zip(documents, keys, strict=True))
        for event in elements(document, array)
    ]
    found = _mapping_of(events, documents, array, takes_digits)
    other = None if found else object_beside_numbers([event for event, _, _ in events])
    if other is None:
        return found
    # The numbers are values, if nothing else is: what has an object in their place has none.
    numbers = [one for one in events if not has_object(one[0], other[:-1])]
    found = _mapping_of(numbers, documents, array, takes_digits)
    if found is None:
        return None
    where = {"not": {"path": path_text(other), "exists": True}}
    note = f"{len(events) - len(numbers)} of {len(events)} have {path_text(other)}: passed over"
    event = {"where": where, **found.suggested.event}
    return replace(found, suggested=SuggestedMapping(event, [note, *found.suggested.notes]))


def _mapping_of(
    events: Sequence[Event], documents: Sequence[Any], array: Path | None, takes_digits: bool
) -> KindMapping | None:
    if not events:
        return None
    whole = [event for event, _, _ in events]
    mixed = mixed_paths(whole)
    fields = current(merged(unmixed(fields_of(whole), mixed)))
    time = time_of(fields, array)
    spec, paths = time or (None, set[Path]())
    sampled = Sampled(len(documents), array, at_one_moment(fields, spec, paths))
    found = Roles(fields, spec, paths, [key for _, key, _ in events], sampled)
    if takes_digits:
        found.take_digits()
        found.take_outcomes()
    if not found.values:
        return None
    event: dict[str, Any] = {} if array is None else {"explode": path_text(array) or MESSAGE}
    values = [field.path for field in found.values]
    asked, notes = condition(documents, array, found.always(paths), values)
    if asked is not None:
        event["where"] = asked
    event |= {"key": found.key} | ({} if spec is None else {"time": spec})
    if mixed:
        names = ", ".join(sorted(map(path_text, mixed)))[:300]
        notes.append(f"left out, for they are an object or an array in some messages: {names}")
    suggested = SuggestedMapping(
        event | {"values": found.value_specs()}, [*notes, *found.notes(documents, spec)]
    )
    unread = frozenset(range(len(documents))) - _rows(events, found)
    has_course = not all(map(is_constant, found.values))
    return KindMapping(suggested, len(events), unread, has_course)


def _rows(events: Sequence[Event], found: Roles) -> set[int]:
    """Return the messages that have a value."""
    columns = [field.column for field in found.values]
    return {
        row
        for (_, _, row), *values in zip(events, *columns, strict=True)
        if any(value is not None for value in values)
    }

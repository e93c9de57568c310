"""A mapping for messages of one kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain.path import EACH, Path, path_text
from engine.domain.suggestion.by_name import by_name
from engine.domain.suggestion.elements import arrays_of_objects, elements, ways_to_events
from engine.domain.suggestion.fields import Field, fields_of
from engine.domain.suggestion.keys import Sampled, is_own_id, key_of, notes_of_key
from engine.domain.suggestion.names import COUNTED, is_time
from engine.domain.suggestion.opened import opened
from engine.domain.suggestion.readings import is_constant, is_value, value_spec
from engine.domain.suggestion.times import are_near, at_one_moment, is_text_of_a_time, time_of
from engine.domain.suggestion.value_names import value_names

MOST_VALUES = 20
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
        if any(is_value(field) and not _names(field) for field in found):
            return "no field that all of them have is a time"
    return "no field of them is a number that could be a value"


@dataclass(frozen=True, slots=True)
class KindMapping:
    """A mapping, and what it makes of the messages that it was suggested from.

    Attributes:
        suggested: the mapping.
        events: how many events they become.
        unread: the numbers of the messages that do not become an event.
    """

    suggested: SuggestedMapping
    events: int
    unread: frozenset[int]


def mapping_of_kind(
    documents: Sequence[Any], keys: Sequence[str | None], has_message_times: bool
) -> KindMapping | None:
    """Return a mapping for all messages; None if nothing in them can be the time, or no value."""
    found = [one for path in ways_to_events(documents) if (one := _mapping(documents, keys, path))]
    timed = [one for one in found if "time" in one.suggested.event]
    if timed or not has_message_times:
        return timed[0] if timed else None
    return found[0] if found else None


def _mapping(
    documents: Sequence[Any], keys: Sequence[str | None], array: Path | None
) -> KindMapping | None:
    """Return the mapping where an array is exploded; None if nothing in it can be a value."""
    events = [
        (event, key, row)
        for row, (document, key) in enumerate(zip(documents, keys, strict=True))
        for event in elements(document, array)
    ]
    if not events:
        return None
    fields = fields_of([event for event, _, _ in events])
    time = time_of(fields, array)
    spec, paths = time or (None, set[Path]())
    sampled = Sampled(len(documents), array, at_one_moment(fields, spec, paths))
    found = _Suggestion(fields, spec, paths, [key for _, key, _ in events], sampled)
    if not found.values:
        return None
    event = {"explode": path_text(array) or MESSAGE} if array is not None else {}
    event |= {"key": found.key} | ({} if spec is None else {"time": spec})
    suggested = SuggestedMapping(
        event | {"values": found.value_specs()}, found.notes(documents, spec)
    )
    columns = [field.column for field in found.values]
    read = {
        row
        for (_, _, row), *values in zip(events, *columns, strict=True)
        if any(value is not None for value in values)
    }
    return KindMapping(suggested, len(events), frozenset(range(len(documents))) - read)


class _Suggestion:
    """The key and the values among some fields.

    Attributes:
        key: as in a pipeline file.
        values: the fields of the values.
    """

    def __init__(
        self,
        fields: Mapping[Path, Field],
        spec: Mapping[str, Any] | None,
        times: set[Path],
        message_keys: Sequence[str | None],
        sampled: Sampled,
    ) -> None:
        rest = {path: field for path, field in fields.items() if path not in times}
        if spec is not None:
            near = {path for path, one in rest.items() if are_near(one, fields, spec, times)}
            rest = {path: field for path, field in rest.items() if path not in near}
        self._of_names = _notes_of_names(fields)
        self._array = array = sampled.array
        columns = [fields[path].column for path in times]
        at: Sequence[object] = (
            list(zip(*columns, strict=True)) if columns else range(len(message_keys))
        )
        parts = key_of(rest, at, message_keys, sampled)
        self.key = _key(parts, fields, message_keys)
        numbers = [
            field
            for path, field in rest.items()
            if path not in parts and is_value(field) and not _names(field)
        ]
        below = [field for field in numbers if array and field.path[: len(array)] == array]
        self._all = below or numbers
        self.values = self._all[:MOST_VALUES]
        self._own_ids = [
            path_text(path)
            for path, field in rest.items()
            if _is_text_id(field, sampled) and field not in numbers
        ]
        self._of_key = notes_of_key(parts, rest, at)

    def value_specs(self) -> dict[str, Any]:
        """Return the values as in a pipeline file."""
        names = value_names([field.path for field in self.values], self._array)
        return dict(zip(names, map(value_spec, self.values), strict=True))

    def notes(self, documents: Sequence[Any], time: Any) -> list[str]:
        """Return what to look at before the mapping is used."""
        notes = list(self._of_names)
        if len(self._all) > MOST_VALUES:
            rest = ", ".join(path_text(field.path) for field in self._all[MOST_VALUES:])
            notes.append(f"more numbers than {MOST_VALUES}, left out: {rest[:300]}")
        if self._own_ids:
            names = ", ".join(self._own_ids[:5])
            notes.append(f"not the key, for nearly each message has another: {names}")
        if self.key == {"const": "all"}:
            notes.append("nothing names the entity: all messages are of one, called all")
        notes += self._of_key
        constant = [field.path for field in self.values if is_constant(field)]
        if constant:
            texts = ", ".join(map(path_text, constant))
            notes.append(f"the same in all messages read, perhaps no values: {texts}")
        if time is None:
            notes.append("no field of all messages is a time: that of the message is taken")
        if self._array and (paths := by_name(documents, self._array)):
            texts = ", ".join(map(path_text, paths))
            notes.append(f"or one event of each message, without explode: values by name, {texts}")
        for path in arrays_of_objects(documents):
            if path and not self._reads(path):
                explode = f"explode: {path_text(path)}"
                notes.append(f"an array of objects is not read; {explode} makes events of them")
        return notes

    def _reads(self, path: Path) -> bool:
        """Return whether an array lies on the way to what is exploded."""
        array = self._array or ()
        before = array[: array.index(EACH)] if EACH in array else array
        return path == array[: len(path)] or (EACH in array and path[: len(before)] == before)


def _notes_of_names(fields: Iterable[Path]) -> list[str]:
    """Return a note if a field is called like a time, as if the header were missing."""
    names = {str(path[0]): None for path in fields}
    found = next((name for name in names if is_text_of_a_time(name)), None)
    if found is None:
        return []
    return [
        f"a field is called {found}: if the first line is not a header, set source.file.csv.names; "
        "for lines of a log, set a format such as regex (docs/formats.md)"
    ]


def _key(parts: Sequence[Path], fields: Mapping[Path, Field], keys: Sequence[str | None]) -> Any:
    repeats = 1 < len(set(keys)) <= len(keys) / 2 and None not in keys
    if repeats and not any(fields[path].distinct > 1 for path in parts):
        return "$message_key"
    if not parts:
        return {"const": "all"}
    texts = [path_text(path) for path in parts]
    return texts[0] if len(texts) == 1 else texts


def _names(field: Field) -> bool:
    """Return whether a field of numbers is something other than a value."""
    return is_time(field.name) or COUNTED.search(field.name) is not None


def _is_text_id(field: Field, sampled: Sampled) -> bool:
    is_text = all(isinstance(value, str) for value in field.found)
    is_id = is_text and field.is_always_there and is_own_id(field, sampled)
    return is_id and not is_time(field.name)

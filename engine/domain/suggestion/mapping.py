"""The `event` part of a pipeline file, suggested from messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain.path import Path, path_text
from engine.domain.suggestion.elements import array_of_events, arrays_of_objects, elements
from engine.domain.suggestion.fields import Field, fields_of, is_number, is_number_as_text
from engine.domain.suggestion.keys import is_own_id, key_of
from engine.domain.suggestion.names import COUNTED, is_time
from engine.domain.suggestion.times import time_of

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


def suggested_mapping(
    documents: Sequence[Any],
    message_keys: Sequence[str | None] = (),
    has_message_times: bool = False,
) -> SuggestedMapping | None:
    """Return a mapping for messages; None if nothing in them can be the time, or no value.

    Fields that not every message has are neither key nor time, and as values they are optional.

    Args:
        documents: the messages: objects, or arrays of them.
        message_keys: their keys as texts; None for one that has none, or one that is binary.
        has_message_times: whether the time of the message can be that of the event.
    """
    array = array_of_events(documents)
    keys = message_keys or [None] * len(documents)
    events = [
        (event, key)
        for document, key in zip(documents, keys, strict=True)
        for event in elements(document, array or ())
    ]
    fields = fields_of([event for event, _ in events])
    time = time_of(fields, array)
    if not events or (time is None and not has_message_times):
        return None
    spec, paths = time or (None, set[Path]())
    found = _Suggestion(fields, array, paths, [key for _, key in events])
    if not found.values:
        return None
    event = {"explode": path_text(array) or MESSAGE} if array is not None else {}
    event |= {"key": found.key} | ({} if spec is None else {"time": spec})
    return SuggestedMapping(event | {"values": found.value_specs()}, found.notes(documents, spec))


class _Suggestion:
    """The key and the values among some fields.

    Attributes:
        key: as in a pipeline file.
        values: the fields of the values.
    """

    def __init__(
        self,
        fields: Mapping[Path, Field],
        array: Path | None,
        times: set[Path],
        message_keys: Sequence[str | None],
    ) -> None:
        rest = {path: field for path, field in fields.items() if path not in times}
        self._own_ids = [path_text(path) for path, one in rest.items() if _is_text_id(one)]
        self._array = array
        columns = [fields[path].column for path in times]
        at: Sequence[object] = (
            list(zip(*columns, strict=True)) if columns else range(len(message_keys))
        )
        parts = key_of(rest, at, array, message_keys)
        self.key = _key(parts, fields, message_keys)
        numbers = [
            field
            for path, field in rest.items()
            if path not in parts and all(map(_is_value, field.found)) and not _names(field)
        ]
        below = [field for field in numbers if array and field.path[: len(array)] == array]
        self._all = below or numbers
        self.values = self._all[:MOST_VALUES]

    def value_specs(self) -> dict[str, Any]:
        """Return the values as in a pipeline file."""
        return {self._value_name(field): _spec(field) for field in self.values}

    def notes(self, documents: Sequence[Any], time: Any) -> list[str]:
        """Return what to look at before the mapping is used."""
        notes = []
        if len(self._all) > MOST_VALUES:
            rest = ", ".join(path_text(field.path) for field in self._all[MOST_VALUES:])
            notes.append(f"more numbers than {MOST_VALUES}, left out: {rest[:300]}")
        if self._own_ids:
            names = ", ".join(self._own_ids[:5])
            notes.append(f"not the key, for nearly each message has another: {names}")
        if self.key == {"const": "all"}:
            notes.append("nothing names the entity: all messages are of one, called all")
        if time is None:
            notes.append("no field of all messages is a time: that of the message is taken")
        others = [path for path in arrays_of_objects(documents) if path != self._array and path]
        for path in others if self._array is None else ():
            text = path_text(path)
            notes.append(f"an array of objects is not read; explode: {text} makes events of them")
        return notes

    def _value_name(self, field: Field) -> str:
        array = self._array or ()
        is_below = len(array) < len(field.path) and field.path[: len(array)] == array
        return ".".join(map(str, field.path[len(array) :] if is_below else field.path))


def _key(parts: Sequence[Path], fields: Mapping[Path, Field], keys: Sequence[str | None]) -> Any:
    repeats = 1 < len(set(keys)) <= len(keys) / 2 and None not in keys
    if repeats and not any(fields[path].distinct > 1 for path in parts):
        return "$message_key"
    if not parts:
        return {"const": "all"}
    texts = [path_text(path) for path in parts]
    return texts[0] if len(texts) == 1 else texts


def _spec(field: Field) -> dict[str, Any]:
    return {
        "path": path_text(field.path),
        **({} if field.is_always_there else {"optional": True}),
        **({} if all(map(is_number, field.found)) else {"as": "number"}),
    }


def _is_value(value: Any) -> bool:
    return is_number(value) or is_number_as_text(value)


def _names(field: Field) -> bool:
    """Return whether a field of numbers is something other than a value."""
    return is_time(field.name) or COUNTED.search(field.name) is not None


def _is_text_id(field: Field) -> bool:
    is_text = all(isinstance(value, str) for value in field.found)
    return is_text and field.is_always_there and is_own_id(field) and not is_time(field.name)

"""The roles of fields: which name the entity, and which are values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.domain.path import Path, path_text
from engine.domain.suggestion.fields import Field
from engine.domain.suggestion.keys import Sampled, is_own_id, key_of, notes_of_key
from engine.domain.suggestion.long_rows import labels_beside, left_out, may_be_metric, metric_of
from engine.domain.suggestion.names import (
    ENTITY,
    VALUE,
    is_of_place,
    is_place,
    is_time,
)
from engine.domain.suggestion.no_values import names_something
from engine.domain.suggestion.of_entities import is_of_entity, numbers_messages
from engine.domain.suggestion.outcomes import outcome_of, outcome_spec
from engine.domain.suggestion.readings import (
    is_constant,
    is_digits,
    is_value,
    value_spec,
    words_of,
)
from engine.domain.suggestion.shape_notes import notes_of_arrays, notes_of_names
from engine.domain.suggestion.times import are_near
from engine.domain.suggestion.value_names import value_names

MESSAGE_KEY = "$message_key"
MOST_VALUES = 20
MOST_OF_KEY = 3
"""Parts of a key that another may be added to."""


class Roles:
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
        self._of_names = notes_of_names(fields)
        self._array = sampled.array
        columns = [fields[path].column for path in times]
        at: Sequence[object] = (
            list(zip(*columns, strict=True)) if columns else range(len(message_keys))
        )
        parts = key_of(rest, at, message_keys, sampled)
        places = {path[:-1] for path in rest if is_place(str(path[-1]))}
        numbers = [
            field
            for path, field in rest.items()
            if path not in parts and is_value(field) and not names_something(field)
            if path[:-1] not in places or not is_of_place(field.name)
        ]
        entities = _entities(parts, rest, message_keys)
        about = [one for one in numbers if _is_about(one, entities)]
        # What an entity has, and a counter, are values where nothing else is.
        self._take([one for one in numbers if one not in about] or numbers)
        self._left_out = [one.path for one in about if one not in self._all]
        self._perhaps: list[Path] = []
        parts = self._with_metric(parts, rest, sampled)
        self.key = _key(parts, fields, message_keys, entities)
        self._parts = parts
        self._digits = [
            field
            for path, field in rest.items()
            if path not in parts
            and is_digits(field)
            and not names_something(field)
            and not ENTITY.search(field.name)
        ]
        self._texts = [field for path, field in rest.items() if path not in parts]
        self._outcome: Field | None = None
        self._own_ids = [
            path_text(path)
            for path, field in rest.items()
            if _is_text_id(field, sampled) and field not in numbers
        ]
        self._of_key = notes_of_key(parts, rest, at)

    def _with_metric(
        self, parts: list[Path], rest: Mapping[Path, Field], sampled: Sampled
    ) -> list[Path]:
        """Return the key with the field that names what the only value is of, if there is one."""
        varying = [field for field in self._all if field.distinct > 1]
        named = [field for field in varying if VALUE.search(field.name)]
        only = varying if len(varying) == 1 else named
        own = [rest[path] for path in parts]
        others = {
            path: field
            for path, field in rest.items()
            if path not in parts and field not in only and may_be_metric(field, sampled)
        }
        if len(parts) > MOST_OF_KEY:
            return parts
        found = metric_of(only[0], own, others) if len(only) == 1 else None
        if found:
            about = [field for field in varying if field is not only[0]]
            entities = list(zip(*(one.column for one in [*own, rest[found]]), strict=True))
            if all(field.path == found or is_of_entity(field, entities) for field in about):
                self._take([field for field in self._all if field not in about])
                self._left_out += [field.path for field in about if field.path != found]
                own.append(rest[found])
            else:
                found = None
        if found or len(varying) == 1:
            own += [rest[path] for path in labels_beside(own, others)]
        is_row = bool(named) and len(only) == 1 and not found
        self._perhaps = left_out(own, others, is_row)
        return [field.path for field in own]

    def always(self, times: set[Path]) -> list[Path]:
        """Return fields that each event has: of the time, the key and the values."""
        values = [field.path for field in self.values if field.is_always_there]
        return [*sorted(times, key=str), *self._parts, *values]

    def take_digits(self) -> None:
        """Take texts of digits for values, if nothing else is one."""
        if not self._all:
            self._take(self._digits)

    def take_outcomes(self) -> None:
        """Take how bad a message is for a value, as its text says, if nothing else is one."""
        if not self._all and (found := outcome_of(self._texts)):
            self._outcome = found
            self._take([found])

    def _take(self, numbers: list[Field]) -> None:
        array = self._array
        below = [field for field in numbers if array and field.path[: len(array)] == array]
        self._all = below or numbers
        self.values = self._all[:MOST_VALUES]

    def value_specs(self) -> dict[str, Any]:
        """Return the values as in a pipeline file."""
        if self._outcome is not None:
            end, spec = outcome_spec(self._outcome)
            return {end or self._outcome.name: spec}
        names = value_names([field.path for field in self.values], self._array)
        return dict(zip(names, map(value_spec, self.values), strict=True))

    def notes(self, documents: Sequence[Any], time: Any) -> list[str]:
        """Return what to look at before the mapping is used."""
        notes = [*self._of_names, *self._notes_of_key()]
        if time is None:
            notes.append("no field of all messages is a time: that of the message is taken")
        return [*notes, *self._notes_of_values(), *notes_of_arrays(documents, self._array)]

    def _notes_of_key(self) -> list[str]:
        notes = []
        if self._own_ids:
            names = ", ".join(self._own_ids[:5])
            notes.append(f"not the key, for nearly each message has another: {names}")
        if self.key == {"const": "all"}:
            notes.append("nothing names the entity: all messages are of one, called all")
        if self._perhaps:
            names = ", ".join(map(path_text, self._perhaps[:3]))
            notes.append(
                f"an entity has several of {names}: part of the key, if it names the value"
            )
        return [*notes, *self._of_key]

    def _notes_of_values(self) -> list[str]:
        notes = []
        if self._outcome is not None:
            notes.append(
                "no number is a value: how bad a message is, by its text, is taken; how often "
                "messages come is watched as well"
            )
        if len(self._all) > MOST_VALUES:
            rest = ", ".join(path_text(field.path) for field in self._all[MOST_VALUES:])
            notes.append(f"more numbers than {MOST_VALUES}, left out: {rest[:300]}")
        if self._left_out:
            names = ", ".join(map(path_text, self._left_out))
            notes.append(f"left out, for they number messages or belong to the entity: {names}")
        constant = [field.path for field in self.values if is_constant(field)]
        if constant:
            texts = ", ".join(map(path_text, constant))
            notes.append(f"the same in all messages read, perhaps no values: {texts}")
        if words := {word: None for field in self.values for word in words_of(field)}:
            notes.append(f"words among numbers that are taken for gaps: {', '.join(words)}")
        return notes


def _entities(
    parts: Sequence[Path], fields: Mapping[Path, Field], keys: Sequence[str | None]
) -> list[object]:
    """Return the entity of each event."""
    if not parts:
        return list(keys)
    return list(zip(*(fields[path].column for path in parts), strict=True))


def _is_about(field: Field, entities: Sequence[object]) -> bool:
    return numbers_messages(field, entities) or is_of_entity(field, entities)


def _is_text_id(field: Field, sampled: Sampled) -> bool:
    is_text = all(isinstance(value, str) for value in field.found)
    is_id = is_text and field.is_always_there and is_own_id(field, sampled)
    return is_id and not is_time(field.name)


def _key(
    parts: Sequence[Path],
    fields: Mapping[Path, Field],
    keys: Sequence[str | None],
    entities: Sequence[object],
) -> Any:
    repeats = 1 < len(set(keys)) <= len(keys) / 2 and None not in keys
    texts = [path_text(path) for path in parts]
    if repeats and not any(fields[path].distinct > 1 for path in parts):
        return MESSAGE_KEY
    if repeats and len(set(zip(keys, entities, strict=True))) > len(set(entities)):
        # One name of several messages' keys is not the same thing in each.
        return [MESSAGE_KEY, *texts]
    if not parts:
        return {"const": "all"}
    return texts[0] if len(texts) == 1 else texts

"""The roles of fields: which name the entity, and which are values."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.domain.path import EACH, Path, path_text
from engine.domain.suggestion.by_name import by_name
from engine.domain.suggestion.elements import arrays_of_numbers, arrays_of_objects
from engine.domain.suggestion.fields import Field, is_number, is_number_as_text
from engine.domain.suggestion.keys import Sampled, is_own_id, key_of, notes_of_key
from engine.domain.suggestion.names import DURATION, ENTITY, is_counted, is_time
from engine.domain.suggestion.readings import (
    is_constant,
    is_digits,
    is_value,
    value_spec,
    words_of,
)
from engine.domain.suggestion.times import are_near, is_text_of_a_time
from engine.domain.suggestion.value_names import value_names

MOST_VALUES = 20
LEAST_TIME = 10**7
"""Less than any time in seconds since 1970 that occurs."""
MANY = 8
"""Events in which a number would hardly be one more each by chance."""


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
        self._of_names = _notes_of_names(fields)
        self._array = sampled.array
        columns = [fields[path].column for path in times]
        at: Sequence[object] = (
            list(zip(*columns, strict=True)) if columns else range(len(message_keys))
        )
        parts = key_of(rest, at, message_keys, sampled)
        self.key = _key(parts, fields, message_keys)
        self._parts = parts
        numbers = [
            field
            for path, field in rest.items()
            if path not in parts and is_value(field) and not names_something(field)
        ]
        # A counter is a value where nothing else is.
        self._take([one for one in numbers if not _numbers_messages(one)] or numbers)
        self._digits = [
            field
            for path, field in rest.items()
            if path not in parts
            and is_digits(field)
            and not names_something(field)
            and not ENTITY.search(field.name)
        ]
        self._own_ids = [
            path_text(path)
            for path, field in rest.items()
            if _is_text_id(field, sampled) and field not in numbers
        ]
        self._of_key = notes_of_key(parts, rest, at)

    def always(self, times: set[Path]) -> list[Path]:
        """Return fields that each event has: of the time, the key and the values."""
        values = [field.path for field in self.values if field.is_always_there]
        return [*sorted(times, key=str), *self._parts, *values]

    def take_digits(self) -> None:
        """Take texts of digits for values, if nothing else is one."""
        if not self._all:
            self._take(self._digits)

    def _take(self, numbers: list[Field]) -> None:
        array = self._array
        below = [field for field in numbers if array and field.path[: len(array)] == array]
        self._all = below or numbers
        self.values = self._all[:MOST_VALUES]

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
        if words := {word: None for field in self.values for word in words_of(field)}:
            notes.append(f"words among numbers that are taken for gaps: {', '.join(words)}")
        if time is None:
            notes.append("no field of all messages is a time: that of the message is taken")
        if self._array and (paths := by_name(documents, self._array)):
            texts = ", ".join(map(path_text, paths))
            notes.append(f"or one event of each message, without explode: values by name, {texts}")
        samples = [
            path
            for path in arrays_of_numbers(documents)
            if self._array is None or not self._reads(path[:-1])
        ]
        if samples:
            texts = ", ".join(map(path_text, samples[:3]))
            notes.append(
                f"numbers in arrays are not read: {texts}; explode makes events of them, and "
                "time.step gives each its time (docs/formats.md)"
            )
        others = [path for path in arrays_of_objects(documents) if path and not self._reads(path)]
        notes += [
            f"an array of objects is not read; explode: {path_text(path)} makes events of them"
            for path in others
        ]
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


def names_something(field: Field) -> bool:
    """Return whether a field of numbers is something other than a value."""
    if is_counted(field.name) or _is_status(field):
        return True
    return is_time(field.name) and not _is_duration(field)


def _is_duration(field: Field) -> bool:
    """Return whether a field is how long something took: small, and not ever later."""
    if not DURATION.search(field.name) or not is_value(field):
        return False
    found = [float(one) for one in field.found if is_number(one) or is_number_as_text(one)]
    falls = any(later < earlier for earlier, later in itertools.pairwise(found))
    return falls and max(found) < LEAST_TIME


def _is_status(field: Field) -> bool:
    """Return whether a field is the status of an answer of HTTP."""
    is_named = field.name.lower().replace("-", "_").endswith(("status", "status_code"))
    found = field.found
    return is_named and all(is_number(value) and 100 <= value <= 599 for value in found)


def _numbers_messages(field: Field) -> bool:
    """Return whether a field is one more in each event than in the one before."""
    column = field.column
    if len(column) < MANY or not all(isinstance(value, int) for value in column):
        return False
    return all(later - earlier == 1 for earlier, later in itertools.pairwise(column))


def _is_text_id(field: Field, sampled: Sampled) -> bool:
    is_text = all(isinstance(value, str) for value in field.found)
    is_id = is_text and field.is_always_there and is_own_id(field, sampled)
    return is_id and not is_time(field.name)

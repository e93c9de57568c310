"""Notes on the shape of messages: arrays that are not read, a header that may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.domain.path import EACH, Path, path_text
from engine.domain.suggestion.by_name import by_name
from engine.domain.suggestion.elements import arrays_of_numbers, arrays_of_objects
from engine.domain.suggestion.times import is_text_of_a_time

CONNECT_SCHEMA = ("schema", "fields")
"""Where Kafka Connect describes the fields of the payload beside it."""


def notes_of_names(fields: Iterable[Path]) -> list[str]:
    """Return a note if a field is called like a time, as if the header were missing."""
    names = {str(path[0]): None for path in fields}
    found = next((name for name in names if is_text_of_a_time(name)), None)
    if found is None:
        return []
    return [
        f"a field is called {found}: if the first line is not a header, set source.file.csv.names; "
        "for lines of a log, set a format such as regex (docs/formats.md)"
    ]


def notes_of_arrays(documents: Sequence[Any], array: Path | None) -> list[str]:
    """Return notes on arrays that are not read, or that could be read in another way."""
    notes = []
    if array and (paths := by_name(documents, array)):
        texts = ", ".join(map(path_text, paths))
        notes.append(f"or one event of each message, without explode: values by name, {texts}")
    samples = [
        path
        for path in arrays_of_numbers(documents)
        if array is None or not _reads(array, path[:-1])
    ]
    if samples:
        texts = ", ".join(map(path_text, samples[:3]))
        notes.append(
            f"numbers in arrays are not read: {texts}; explode makes events of them, and "
            "time.step gives each its time (docs/formats.md)"
        )
    others = [
        path
        for path in arrays_of_objects(documents)
        if path and not _reads(array, path) and path[: len(CONNECT_SCHEMA)] != CONNECT_SCHEMA
    ]
    return notes + [
        f"an array of objects is not read; explode: {path_text(path)} makes events of them"
        for path in others
    ]


def _reads(exploded: Path | None, path: Path) -> bool:
    """Return whether an array lies on the way to what is exploded."""
    array = exploded or ()
    before = array[: array.index(EACH)] if EACH in array else array
    return path == array[: len(path)] or (EACH in array and path[: len(before)] == before)

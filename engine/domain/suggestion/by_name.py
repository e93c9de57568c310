"""Arrays of named values: [{"name": "flow", "value": 3}, ...] as values of one event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.domain.path import Named, Path
from engine.domain.suggestion.fields import is_number, is_number_as_text, is_writable
from engine.domain.suggestion.names import is_time

MOST_NAMES = 20


def by_name(documents: Sequence[Any], array: Path) -> list[Path]:
    """Return a path by name for each value in an array; none if its elements are something else.

    Each has a text that names it, once in a message, and one number, which is not a time.
    """
    found = [list(_elements(document, array)) for document in documents]
    every = [element for elements in found for element in elements]
    numbers = {
        name
        for element in every
        for name, value in element.items()
        if is_number(value) or is_number_as_text(value, str(name)) or is_time(str(name))
    }
    if len(numbers) != 1 or any(not isinstance(name, str) or is_time(name) for name in numbers):
        return []
    for field in every[0]:
        names = [[element.get(field) for element in elements] for elements in found]
        known = {str(name): None for some in names for name in some}
        if (
            all(isinstance(name, str) and is_writable(name) for some in names for name in some)
            and 1 < len(known) <= MOST_NAMES
            and all(len(set(some)) == len(some) for some in names)
        ):
            return [(*array, Named(field, name), *numbers) for name in known]
    return []


def _elements(document: Any, array: Path) -> Iterator[Mapping[str, Any]]:
    for step in array:
        document = document.get(step) if isinstance(document, Mapping) else None
    if isinstance(document, list):
        yield from (element for element in document if isinstance(element, Mapping))

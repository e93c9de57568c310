"""Parallel arrays in messages: {"time": [1, 2], "level": [3, 4]}, an event for each place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.domain.path import Path
from engine.domain.suggestion.fields import is_number, is_writable, objects
from engine.domain.suggestion.names import is_time
from engine.domain.suggestion.times import is_time_of_values

NAMES = re.compile(r"(name|label|column|channel|sensor|device|signal|tag|key|id)s$", re.IGNORECASE)
"""Of arrays that name the values of another."""
Arrays = Mapping[Path, Sequence[Any]]


def parallel_arrays(documents: Sequence[Any]) -> list[Path]:
    """Return the objects with an array of times, or of names, and an array of numbers as long."""
    counts: Counter[Path] = Counter()
    for document in documents:
        found = objects(document, inner_first=True)
        counts.update(path for path, node in found if _parallel(node))
    return [path for path, _ in counts.most_common()]


def places(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield an object with an element of each of its parallel arrays, by place.

    One without such arrays is yielded as it is.
    """
    found = _parallel(node)
    if not found:
        yield node
        return
    for place in range(len(next(iter(found.values())))):
        yield _at(place, node, found, ())


def _parallel(node: Mapping[str, Any]) -> Arrays:
    """Return the arrays of an object that belong together; none if it has no such arrays."""
    arrays = dict(_arrays(node, (), 0))
    leading = [
        path for path, array in arrays.items() if _are_times(path, array) or _are_names(path, array)
    ]
    for path in leading:
        size = len(arrays[path])
        together = {other: array for other, array in arrays.items() if len(array) == size}
        if size and any(_are_numbers(array) for other, array in together.items() if other != path):
            return together
    return {}


def _are_times(path: Path, array: Sequence[Any]) -> bool:
    """Return whether an array holds times, or offsets from one time."""
    if not is_time(str(path[-1])):
        return False
    are_offsets = all(map(is_number, array)) and list(array) == sorted(array)
    return are_offsets or is_time_of_values(array)


def _are_names(path: Path, array: Sequence[Any]) -> bool:
    texts = all(isinstance(item, str) for item in array) and len(set(array)) == len(array)
    return texts and NAMES.search(str(path[-1])) is not None


def _are_numbers(array: Sequence[Any]) -> bool:
    return all(item is None or is_number(item) for item in array) and any(map(is_number, array))


def _arrays(node: Mapping[str, Any], path: Path, depth: int) -> Iterator[tuple[Path, list[Any]]]:
    """Yield the arrays of numbers, texts and nothing, also those of objects in the object."""
    for name, inner in node.items():
        if not is_writable(name):
            continue
        if isinstance(inner, Mapping) and depth == 0:
            yield from _arrays(inner, (*path, name), depth + 1)
        elif isinstance(inner, list) and inner and not any(map(_is_container, inner)):
            yield (*path, name), inner


def _is_container(item: Any) -> bool:
    return isinstance(item, (list, Mapping))


def _at(place: int, node: Mapping[str, Any], arrays: Arrays, path: Path) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in node.items():
        below = (*path, name)
        if below in arrays:
            found[name] = inner[place]
        else:
            found[name] = _at(place, inner, arrays, below) if isinstance(inner, Mapping) else inner
    return found

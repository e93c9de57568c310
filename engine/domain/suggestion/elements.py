"""What holds the events of a message: itself, an array, parallel arrays, a map of entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.domain.path import EACH, Path
from engine.domain.suggestion.fields import (
    DEEPEST,
    is_number,
    is_number_as_text,
    is_writable,
    objects,
    scalars,
)
from engine.domain.suggestion.maps import maps_of_entities
from engine.domain.suggestion.names import is_counted, is_time
from engine.domain.suggestion.parallel import parallel_arrays, places


def arrays_of_objects(documents: Sequence[Any]) -> list[Path]:
    """Return the arrays whose elements hold numbers, most of them first; () is the message."""
    counts: Counter[Path] = Counter()
    for document in documents:
        counts.update(_arrays(document, (), 0))
    return [path for path, _ in counts.most_common()]


def arrays_of_numbers(documents: Sequence[Any]) -> list[Path]:
    """Return the arrays of several numbers, as of samples at a fixed rate."""
    found: dict[Path, None] = {}
    for document in documents:
        for path, node in objects(document):
            for name, inner in node.items():
                is_array = isinstance(inner, list) and len(inner) > 1
                if is_array and is_writable(name) and all(map(is_number, inner)):
                    found[*path, name] = None
    return list(found)


def ways_to_events(documents: Sequence[Any]) -> list[Path | None]:
    """Return what may be exploded so that each element is an event, the likeliest first.

    None stands for the message as it is.
    """
    arrays = [path for path in arrays_of_objects(documents) if path]
    has_arrays = any(isinstance(document, list) for document in documents)
    found: list[Path | None] = [*maps_of_entities(documents)]
    parallel = parallel_arrays(documents)
    if has_arrays:
        found += [*filter(None, parallel), ()]
    elif any(_has_values(document) for document in documents):
        found.append(None)
    return list(dict.fromkeys([*found, *arrays, None, *parallel]))


def elements(document: Any, path: Path | None) -> Iterator[Mapping[Any, Any]]:
    """Yield a message with each element of what is exploded in its place; as it is if None."""
    if path is None:
        if isinstance(document, Mapping):
            yield document
    elif isinstance(document, list):
        for element in document:
            yield from elements(element, path)
    elif isinstance(document, Mapping):
        if not path:
            yield from places(document)
        elif path[0] == EACH:
            yield from _fields(document, path)
        else:
            for element in elements(document.get(path[0]), path[1:]):
                yield {**document, path[0]: element}


def _fields(document: Mapping[str, Any], path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield an object with each of its objects, or of their elements, as name and value."""
    own = {
        name: inner for name, inner in document.items() if not isinstance(inner, (list, Mapping))
    }
    for name, inner in document.items():
        if name not in own:
            for value in elements(inner, path[2:]):
                yield {**own, EACH: {"name": name, "value": value}}


def _arrays(node: Any, path: Path, depth: int) -> Iterator[Path]:
    """Yield the path of an array once for each of its elements with a number."""
    if isinstance(node, list):
        for element in node:
            if isinstance(element, Mapping):
                if any(_is_amount(inner, value) for inner, value in scalars(element)):
                    yield path
                yield from _arrays(element, path, depth)
    elif isinstance(node, Mapping) and depth < DEEPEST:
        for name, inner in node.items():
            if is_writable(name):
                yield from _arrays(inner, (*path, name), depth + 1)


def _is_amount(path: Path, value: Any) -> bool:
    return is_number(value) or is_number_as_text(value, str(path[-1]))


def _has_values(document: Any) -> bool:
    """Return whether a message has numbers of its own, which are neither times nor ids."""
    own: Iterable[tuple[Path, Any]] = scalars(document) if isinstance(document, Mapping) else ()
    names = (str(path[-1]) for path, value in own if is_number(value))
    return any(not is_time(name) and not is_counted(name) for name in names)

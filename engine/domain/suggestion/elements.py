"""Arrays of objects in messages: which of them holds the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.domain.path import Path
from engine.domain.suggestion.fields import DEEPEST, is_number, is_writable, scalars
from engine.domain.suggestion.names import COUNTED, is_time


def arrays_of_objects(documents: Sequence[Any]) -> list[Path]:
    """Return the arrays whose elements hold numbers, most of them first; () is the message."""
    counts: Counter[Path] = Counter()
    for document in documents:
        counts.update(_arrays(document, (), 0))
    return [path for path, _ in counts.most_common()]


def array_of_events(documents: Sequence[Any]) -> Path | None:
    """Return the array each element of which is an event; None if the message is one itself."""
    for path in arrays_of_objects(documents):
        if not path or not any(_has_values(document) for document in documents):
            return path
    return None


def elements(document: Any, path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield a message with each element of an array in the place of the array."""
    if isinstance(document, list):
        for element in document:
            yield from elements(element, path)
    elif isinstance(document, Mapping):
        if not path:
            yield document
            return
        for element in elements(document.get(str(path[0])), path[1:]):
            yield {**document, str(path[0]): element}


def _arrays(node: Any, path: Path, depth: int) -> Iterator[Path]:
    """Yield the path of an array once for each of its elements with a number."""
    if isinstance(node, list):
        for element in node:
            if isinstance(element, Mapping):
                if any(is_number(value) for _, value in scalars(element)):
                    yield path
                yield from _arrays(element, path, depth)
    elif isinstance(node, Mapping) and depth < DEEPEST:
        for name, inner in node.items():
            if is_writable(name):
                yield from _arrays(inner, (*path, name), depth + 1)


def _has_values(document: Any) -> bool:
    """Return whether a message has numbers of its own, which are neither times nor ids."""
    own: Iterable[tuple[Path, Any]] = scalars(document) if isinstance(document, Mapping) else ()
    names = (str(path[-1]) for path, value in own if is_number(value))
    return any(not is_time(name) and not COUNTED.search(name) for name in names)

"""Exploding: one message with an array becomes as many documents with an element in its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.domain.path import (
    EACH,
    Base64Text,
    JsonText,
    Named,
    OneOf,
    Path,
    field_names,
    path_text,
)
from operators.decode.parallel_arrays import ParallelArrays
from operators.decode.reading import MisplacedError, MissingError, look_up, quote


class Exploder:
    """Explodes documents along a path.

    Each array on the way is exploded too. A document keeps of its parents what is read of them
    alone: a large parent of many elements must not be multiplied.

    Args:
        path: of the array.
        read: all paths that are read of the documents.
    """

    def __init__(self, path: Path, read: Iterable[Path]) -> None:
        self._path = path
        read = list(read)
        inside = (one[len(path) :] for one in read if one[: len(path)] == path)
        self._parallel = ParallelArrays(path, inside)
        self._kept = [
            _below(path[:level], read) - {*field_names(step)} for level, step in enumerate(path)
        ]
        self._places = [_places(path[:level], read) for level in range(len(path))]
        for level, step in enumerate(path[:-1]):
            if isinstance(step, Named):
                self._kept[level + 1] |= {step.field}

    def explode(self, document: Any) -> list[Any]:
        """Return a document for each element, in their order.

        An object where the array is expected counts as its only element. An element of parallel
        arrays is as many as they have places.

        Raises:
            MissingError: there is no such array.
            MisplacedError: the way there ends at something else.
        """
        return self._spread(document, 0)

    def _spread(self, node: Any, level: int) -> list[Any]:
        if level == len(self._path):
            return self._elements(node)
        step = self._path[level]
        if type(node) is list and isinstance(step, (str, OneOf, JsonText, Base64Text)):
            return [inner for element in node for inner in self._inner(element, level)]
        if step == EACH:
            return self._fields(node, level)
        if type(node) is not dict and isinstance(step, str):
            raise self._error(node, level, "an object")
        inner = self._spread(self._found(node, level), level + 1)
        if isinstance(step, (JsonText, Base64Text)):
            return inner
        if isinstance(step, Named):
            return [[element] for element in inner]
        if isinstance(step, int):
            return [self._replaced(node, level, element) for element in inner]
        kept = self._keep(node, level)
        if isinstance(step, OneOf):
            step = next(name for name in step.fields if node.get(name) is not None)
        return [{**kept, step: element} for element in inner]

    def _found(self, node: Any, level: int) -> Any:
        try:
            return look_up(node, (self._path[level],))
        except MissingError:
            raise MissingError(path_text(self._path[: level + 1])) from None

    def _inner(self, element: Any, level: int) -> list[Any]:
        """Explode an element; one that leads nowhere stays as it is, and is judged alone."""
        try:
            return self._spread(element, level)
        except (MissingError, MisplacedError):
            return [element]

    def _elements(self, node: Any) -> list[Any]:
        if type(node) is dict:
            return self._parallel.documents(node)
        if type(node) is not list:
            raise self._error(node, len(self._path), "an array")
        return [document for element in node for document in self._documents(element)]

    def _documents(self, element: Any) -> list[Any]:
        """Return the documents of an element; one of arrays that do not fit is judged alone."""
        try:
            return self._parallel.documents(element)
        except MisplacedError:
            return [element]

    def _fields(self, node: Any, level: int) -> list[Any]:
        """Return a document for each field of an object that is not read by its own name."""
        if type(node) is not dict:
            raise self._error(node, level, "an object")
        kept = self._keep(node, level)
        if _is_exploded(node.get(EACH)):
            fields = [node[EACH]]
        else:
            fields = [{"name": n, "value": v} for n, v in node.items() if n not in kept]
        if level + 1 == len(self._path):
            return [{**kept, EACH: field} for field in fields]
        # One that leads nowhere is judged alone.
        return [{**kept, EACH: one} for field in fields for one in self._inner(field, level + 1)]

    def _keep(self, node: dict[str, Any], level: int) -> dict[str, Any]:
        return {name: node[name] for name in self._kept[level] if name in node}

    def _replaced(self, node: list[Any], level: int, element: Any) -> list[Any]:
        """Return an array with an element in the place that is exploded, and what else is read."""
        place, kept = self._path[level], self._places[level]
        return [
            element if index == place else found if index in kept else None
            for index, found in enumerate(node[: max(kept) + 1])
        ]

    def _error(self, node: Any, level: int, expected: str) -> Exception:
        where = path_text(self._path[:level]) or "the payload"
        if node is None:
            return MissingError(where)
        return MisplacedError(f"{where} is {quote(node)}, expected {expected}")


def _is_exploded(found: Any) -> bool:
    """Whether a field comes as it was exploded: from a dead letter that is read again."""
    return type(found) is dict and found.keys() == {"name", "value"}


def _below(prefix: Path, read: list[Path]) -> set[str]:
    """Return the names that are read directly below a place."""
    level = len(prefix)
    steps = {path[level] for path in read if path[:level] == prefix and len(path) > level}
    return {name for step in steps for name in field_names(step)}


def _places(prefix: Path, read: list[Path]) -> set[int]:
    """Return the places that are read of an array."""
    level = len(prefix)
    steps = {path[level] for path in read if path[:level] == prefix and len(path) > level}
    return {step for step in steps if isinstance(step, int)}

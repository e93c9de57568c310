"""Fields that hold an object or an array in some events, and something else in others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.domain.path import JsonText, Path
from engine.domain.suggestion.fields import DEEPEST, Field, is_number, is_writable


def mixed_paths(events: Sequence[Mapping[str, Any]]) -> set[Path]:
    """Return the fields that no path leads through in each event: they are of several shapes."""
    shapes: dict[Path, set[str]] = {}
    for event in events:
        for path, shape in _shapes(event, ()):
            shapes.setdefault(path, set()).add(shape)
    return {path for path, found in shapes.items() if len(found) > 1}


def unmixed(fields: Mapping[Path, Field], mixed: set[Path]) -> dict[Path, Field]:
    """Return the fields that can be read in each event: neither mixed nor below a mixed one."""
    if not mixed:
        return dict(fields)
    return {
        path: field
        for path, field in fields.items()
        if not any(path[:length] in mixed for length in range(1, len(path) + 1))
    }


def object_beside_numbers(events: Sequence[Mapping[str, Any]]) -> Path | None:
    """Return a field of the objects that some events have in the place of a number; None if none.

    All of these objects have it, as states of a historian have a name: {"Name": "No Data"}.
    """
    for path in sorted(mixed_paths(events), key=str):
        found = [at(event, path) for event in events]
        objects = [value for value in found if isinstance(value, Mapping)]
        if not any(map(is_number, found)) or any(isinstance(value, list) for value in found):
            continue
        for name in objects[0] if objects else ():
            if is_writable(name) and all(value.get(name) is not None for value in objects):
                return (*path, name)
    return None


def has_object(event: Any, path: Path) -> bool:
    """Return whether an object is at a path."""
    return isinstance(at(event, path), Mapping)


def at(node: Any, path: Path) -> Any:
    """Return what is at a path of objects; None if nothing is."""
    for step in path:
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def _shapes(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if path and node is not None:
        yield path, _shape(node)
    if isinstance(node, Mapping) and len(path) < DEEPEST:
        for name, inner in node.items():
            if is_writable(name):
                yield from _shapes(inner, (*path, name))


def _shape(node: Any) -> str:
    if isinstance(node, Mapping):
        return "text" if any(isinstance(name, JsonText) for name in node) else "object"
    return "array" if isinstance(node, list) else "scalar"

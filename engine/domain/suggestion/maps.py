"""Objects whose fields are entities: {"Device A": [...], "Device B": [...]}."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.domain.path import EACH, Path
from engine.domain.suggestion.fields import is_number, objects, scalars

MOST_SHARE = 0.5
"""Share of the names that a message has on average, above which they are its own fields."""
Shape = tuple[bool, frozenset[Path]]
"""Of a field: whether it is an array, and what its objects have in common: the fields."""


@dataclass
class _Place:
    """An object in all messages.

    Attributes:
        names: how many messages have a field, by name.
        shapes: what the fields are.
        objects: how many there are.
        is_pure: whether they hold nothing beside such fields.
    """

    names: Counter[str] = field(default_factory=Counter)
    shapes: set[Shape] = field(default_factory=set)
    objects: int = 0
    is_pure: bool = True


def maps_of_entities(documents: Sequence[Any]) -> list[Path]:
    """Return what to explode so that each field of an object is an entity of its own.

    The object has nothing beside them, they are alike, and most messages have only some of them.
    Arrays are never values of one event: they are entities also if all messages have them.
    """
    places: dict[Path, _Place] = {}
    for document in documents:
        for path, node in objects(document):
            _note(places.setdefault(path, _Place()), node)
    return [
        (*path, EACH, "value") if is_array else (*path, EACH)
        for path, place in places.items()
        for is_array in [any(is_array for is_array, _ in place.shapes)]
        if _are_entities(place, is_array)
    ]


def _are_entities(place: _Place, is_array: bool) -> bool:
    if len(place.names) < 2 or len(place.shapes) != 1 or not place.is_pure:
        return False
    return is_array or place.names.total() <= MOST_SHARE * len(place.names) * place.objects


def _note(place: _Place, node: Mapping[str, Any]) -> None:
    place.objects += 1
    for name, inner in node.items():
        shape = _shape(inner)
        if shape is None:
            place.is_pure = False
        else:
            place.names[name] += 1
            place.shapes.add(shape)


def _shape(node: Any) -> Shape | None:
    """Return what a field is; None if it is not an object with numbers, or an array of them."""
    if isinstance(node, Mapping):
        found = [(path, value) for path, value in scalars(node) if value is not None]
        numbers = any(is_number(value) for _, value in found)
        return (False, frozenset(path for path, _ in found)) if numbers else None
    if isinstance(node, list) and node:
        shapes = {_shape(element) for element in node if isinstance(element, Mapping)}
        fields = [shape[1] for shape in shapes if shape is not None]
        return (True, frozenset.intersection(*fields)) if fields else None
    return None

"""Values in a field for each type: {"doubleValue": 1.5} or {"longValue": "7"}, as one field."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.domain.path import OneOf, Path
from engine.domain.suggestion.fields import Field

TYPED = re.compile(
    r"\$?(?:as|number)?_?[us]?(?:int|integer|long|short|float|double|decimal|number)"
    r"(?:8|16|32|64)?_?(?:value|val)?",
    re.IGNORECASE,
)
"""Names that say the type of a number, and nothing of what it is."""
MONGODB = ("$numberDouble", "$numberInt", "$numberLong", "$numberDecimal")
"""A whole number of a field comes in another one than the others."""


def merged(fields: Mapping[Path, Field]) -> dict[Path, Field]:
    """Return fields with one in the place of those that hold a value by its type."""
    groups: dict[Path, list[Field]] = {}
    for path, field in fields.items():
        if TYPED.fullmatch(field.name):
            groups.setdefault(path[:-1], []).append(field)
    found: dict[Path, Field] = {}
    for path, field in fields.items():
        group = groups.get(path[:-1], ()) if TYPED.fullmatch(field.name) else ()
        names = _names(list(group)) if group else ()
        if len(names) < 2:
            found[path] = field
        else:
            one = (*path[:-1], OneOf(names))
            found.setdefault(one, Field(one, _first(list(group))))
    return found


def _names(group: list[Field]) -> tuple[str, ...]:
    """Return the fields that take turns, and those that MongoDB may write beside them."""
    if any(sum(value is not None for value in row) > 1 for row in _rows(group)):
        return ()
    names = tuple(field.name for field in group)
    return MONGODB if set(names) <= set(MONGODB) else names


def _first(group: list[Field]) -> list[object]:
    return [next((value for value in row if value is not None), None) for row in _rows(group)]


def _rows(group: list[Field]) -> list[tuple[object, ...]]:
    return list(zip(*(field.column for field in group), strict=True))

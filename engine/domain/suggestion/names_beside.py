"""Rows whose names are an array beside their values: {"names": [...], "values": [...]}."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.domain.path import Named, Path
from engine.domain.suggestion.fields import is_number, is_writable, objects

NAMES = re.compile(r"(name|column|field|header|key|tag)s$", re.IGNORECASE)
VALUES = re.compile(r"(value|row|data|values?)s?$", re.IGNORECASE)


def named_by_beside(node: Mapping[str, Any]) -> dict[Named, Any]:
    """Return the values of a row by their names; none if an object has no such arrays.

    Numbers and other texts are among the values, or the names are those of parallel series.
    """
    for field, names in _of(node, NAMES):
        if not all(isinstance(name, str) and is_writable(name) for name in names):
            continue
        for other, values in _of(node, VALUES):
            if other == field or len(names) != len(values) or len({*names}) < len(names):
                continue
            has_texts = any(isinstance(value, str) for value in values)
            if has_texts and any(map(is_number, values)) and not any(map(_is_container, values)):
                rows = zip(names, values, strict=True)
                return {Named(field, name): {other: value} for name, value in rows}
    return {}


def array_of_rows(documents: Sequence[Any]) -> Path | None:
    """Return the array whose elements are such rows; None if there is none."""
    for document in documents:
        for path, node in objects(document):
            if path and names_of(node) is not None:
                return path if _is_array(document, path) else None
    return None


def names_of(node: Any) -> str | None:
    """Return the field of the names in a row; None if it is none."""
    found = node if isinstance(node, Mapping) else {}
    return next((step.field for step in found if isinstance(step, Named)), None)


def _of(node: Mapping[str, Any], called: re.Pattern[str]) -> Iterator[tuple[str, list[Any]]]:
    for name, inner in node.items():
        if isinstance(name, str) and isinstance(inner, list) and inner and called.search(name):
            yield name, inner


def _is_array(node: Any, path: Path) -> bool:
    for step in path:
        node = node.get(step) if isinstance(node, Mapping) else None
    return isinstance(node, list)


def _is_container(value: Any) -> bool:
    return isinstance(value, (list, Mapping))

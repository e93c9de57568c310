"""The fields of messages, with their values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain.path import EACH, Base64Text, JsonText, Named, OneOf, Path
from engine.domain.suggestion.names import LABELS, is_amount

DEEPEST = 10
LABEL = re.compile(r"name|key", re.IGNORECASE)
"""Of what an element of an array of labels is called by: {"Name": "host", "Value": "h1"}."""
NUMERIC = re.compile(
    r"\$number[a-z]+|(as_?|number_?)?[us]?(int|integer|long|short|float|double|decimal)(8|16|32|64)?"
    r"_?val(ue)?",
    re.IGNORECASE,
)
"""Names that say that a text is a number, as of MongoDB and of JSON from Protobuf."""
NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """A field.

    Attributes:
        path: of the field.
        column: its value by event; None where there is none.
    """

    path: Path
    column: Sequence[Any]

    @property
    def found(self) -> list[Any]:
        """Its values, without those that are missing."""
        return [value for value in self.column if value is not None]

    @property
    def is_always_there(self) -> bool:
        """Whether each event has it."""
        return all(value is not None for value in self.column)

    @property
    def distinct(self) -> int:
        """The number of different values."""
        return len({str(value) for value in self.column})

    @property
    def name(self) -> str:
        """Its own name."""
        named, last = self.path[-2] if len(self.path) > 1 else None, self.path[-1]
        if isinstance(last, OneOf):
            return "|".join(last.fields)
        return named.text if isinstance(named, Named) else str(last)


def fields_of(events: Sequence[Mapping[str, Any]]) -> dict[Path, Field]:
    """Return the fields of events, in the order in which they appear."""
    columns: dict[Path, list[Any]] = {}
    for number, event in enumerate(events):
        for path, value in scalars(event):
            columns.setdefault(path, [None] * len(events))[number] = value
    return {path: Field(path, column) for path, column in columns.items()}


def scalars(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield each field that holds a number, a text or true or false; arrays are left out."""
    if isinstance(node, Mapping):
        if len(path) < DEEPEST:
            for name, inner in node.items():
                if is_writable(name) or (name == EACH and isinstance(inner, Mapping)):
                    yield from scalars(inner, (*path, name))
    elif isinstance(node, list):
        if path and LABELS.search(str(path[-1])):
            yield from _labels(node, path)
    elif node is not None:
        yield path, node


def _labels(elements: list[Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the texts of an array of labels by their names; nothing if it is of something else."""
    found: dict[Path, str] = {}
    for element in elements:
        if not isinstance(element, Mapping) or len(element) != 2:
            return
        (by, name), (of, value) = sorted(
            element.items(), key=lambda one: not LABEL.fullmatch(one[0])
        )
        is_label = LABEL.fullmatch(by) and isinstance(name, str) and is_writable(name)
        if not is_label or not is_writable(of) or not isinstance(value, str):
            return
        found[(*path, Named(by, name), of)] = value
    yield from found.items()


def objects(
    node: Any, path: Path = (), depth: int = 0, *, inner_first: bool = False
) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the objects of a message and their paths, also those that are elements of arrays."""
    if isinstance(node, list):
        for element in node:
            if isinstance(element, Mapping):
                yield from objects(element, path, depth, inner_first=inner_first)
    elif isinstance(node, Mapping) and depth < DEEPEST:
        if not inner_first:
            yield path, node
        for name, inner in node.items():
            if is_writable(name):
                yield from objects(inner, (*path, name), depth + 1, inner_first=inner_first)
        if inner_first:
            yield path, node


def is_writable(name: Any) -> bool:
    """Return whether a path can have a step of this name."""
    if isinstance(name, (int, JsonText, Base64Text, Named)):
        return True
    return isinstance(name, str) and name not in ("", EACH) and not set('"[]|') & set(name)


def is_number(value: Any) -> bool:
    """Return whether a value is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_number_as_text(value: Any, name: str = "") -> bool:
    """Return whether a value is a text of a number; without a point its name has to tell."""
    if not isinstance(value, str) or NUMBER.fullmatch(value) is None:
        return False
    # Of a row: its other columns are named by their places as well.
    of_type = all(map(NUMERIC.fullmatch, name.split("|")))
    return "." in value or of_type or is_amount(name) or name.isdigit()

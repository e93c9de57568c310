"""Several kinds of messages in one topic: the field that names the kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain.path import Path
from engine.domain.suggestion.fields import Field, fields_of

MOST_KINDS = 20
LONGEST = 60
KIND = re.compile(
    r"(^|[_.@-])(type|kind|event|category|class|action|method|operation|op|reason|status|state|"
    r"measurement|metric|name|topic|table|schema)$|(?<=[a-z])(Type|Kind|Class|Category|Name|Action)$",
    re.IGNORECASE,
)
"""Of fields that say what a message is."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """The messages by the value of a field.

    Attributes:
        path: of the field.
        rows: the numbers of the messages that have a value.
        without: how many do not have the field.
    """

    path: Path
    rows: Mapping[str, Sequence[int]]
    without: int


def possible_kinds(documents: Sequence[Any]) -> Iterator[Kinds]:
    """Yield the fields that may name the kind of a message, likeliest first.

    Such a field holds few different texts, and one of them at least repeats.
    """
    fields = fields_of([one if isinstance(one, Mapping) else {} for one in documents])
    candidates = [field for field in fields.values() if _may_name(field)]
    for field in sorted(candidates, key=_rank, reverse=True):
        rows: dict[str, list[int]] = {}
        for row, value in enumerate(field.column):
            if value is not None:
                rows.setdefault(value, []).append(row)
        yield Kinds(field.path, rows, len(documents) - len(field.found))


def _may_name(field: Field) -> bool:
    found = field.found
    if not all(isinstance(value, str) and len(value) <= LONGEST for value in found):
        return False
    groups = field.distinct if None in field.column else len(set(found))
    is_few = 2 <= groups <= MOST_KINDS
    return is_few and len(set(found)) < len(found)


def _rank(field: Field) -> tuple[bool, int, int, int]:
    is_named = KIND.search(field.name) is not None
    return is_named, len(field.found), -len(field.path), -field.distinct

"""Conditions on columns: which of the decoded messages become events."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.domain.batch import Bools
from engine.domain.condition import (
    AllOf,
    AnyOf,
    Condition,
    Exists,
    IsIn,
    IsScalar,
    Matches,
    Not,
    Scalar,
)
from engine.domain.path import Path
from operators.decode.columns import Table, listed
from operators.decode.path_steps import MISPLACED
from operators.decode.reading import Read

Holds = Callable[[list[Any] | Table], Bools]


def condition(spec: Condition, reader: Callable[[Path], Read]) -> Holds:
    """Return a function from decoded messages to which of them the condition holds for."""
    if isinstance(spec, AllOf):
        parts = [condition(part, reader) for part in spec.parts]
        return lambda messages: np.logical_and.reduce([holds(messages) for holds in parts])
    if isinstance(spec, AnyOf):
        parts = [condition(part, reader) for part in spec.parts]
        return lambda messages: np.logical_or.reduce([holds(messages) for holds in parts])
    if isinstance(spec, Not):
        inner = condition(spec.part, reader)
        return lambda messages: ~inner(messages)
    read, test = reader(spec.path), _test(spec)
    return lambda messages: np.fromiter(map(test, listed(read(messages))), np.bool_, len(messages))


def _test(spec: IsIn | Exists | Matches | IsScalar) -> Callable[[Any], bool]:
    if isinstance(spec, Exists):
        wanted = spec.exists
        return lambda found: (found is not None and found is not MISPLACED) is wanted
    if isinstance(spec, Matches):
        return _matcher(spec.pattern)
    if isinstance(spec, IsScalar):
        types = (int, float, bool, str) if spec.text else (int, float, bool)
        return lambda found: type(found) in types
    values = {_typed(value) for value in spec.values}
    return lambda found: type(found) in _SCALARS and _typed(found) in values


_SCALARS = {str, int, float, bool, type(None)}


def _typed(value: Scalar) -> tuple[bool, Scalar]:
    """Return a value that equals no other: to Python, true is 1."""
    return type(value) is bool, value


def _matcher(pattern: str) -> Callable[[Any], bool]:
    search = re.compile(pattern).search

    def matches(found: Any) -> bool:
        if type(found) is not str:
            if type(found) not in (int, float):
                return False
            found = repr(found)
        return search(found) is not None

    return matches

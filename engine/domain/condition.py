"""Conditions on the fields of a message: which messages become events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.domain.path import Path

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class IsIn:
    """The value at the path is one of some values of the same type: "7" is not 7."""

    path: Path
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """The value at the path exists and is not null; or it does not."""

    path: Path
    exists: bool = True


@dataclass(frozen=True, slots=True)
class Matches:
    """The text or number at the path matches a regular expression."""

    path: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class IsScalar:
    """The value at the path is a number, true or false; or a text, if that counts."""

    path: Path
    text: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    """All parts hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = IsIn | Exists | Matches | IsScalar | AllOf | AnyOf | Not


def paths(condition: Condition) -> Iterator[Path]:
    """Yield the paths that a condition reads."""
    if isinstance(condition, (AllOf, AnyOf)):
        for part in condition.parts:
            yield from paths(part)
    elif isinstance(condition, Not):
        yield from paths(condition.part)
    else:
        yield condition.path


def conjuncts(condition: Condition | None) -> tuple[Condition, ...]:
    """Return conditions that hold together exactly where this one holds."""
    if condition is None:
        return ()
    if not isinstance(condition, AllOf):
        return (condition,)
    return tuple(inner for part in condition.parts for inner in conjuncts(part))


def texts_compared(condition: Condition) -> Iterator[Path]:
    """Yield the paths whose values are compared with texts."""
    if isinstance(condition, (AllOf, AnyOf)):
        for part in condition.parts:
            yield from texts_compared(part)
    elif isinstance(condition, Not):
        yield from texts_compared(condition.part)
    elif isinstance(condition, Matches) or (
        isinstance(condition, IsIn) and any(isinstance(value, str) for value in condition.values)
    ):
        yield condition.path

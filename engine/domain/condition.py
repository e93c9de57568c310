"""Conditions on the fields of a message: which messages become events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.domain.path import Path

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class IsIn:
    """One of some values stands at the path; a number equals none of the texts, and "7" not 7."""

    path: Path
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """Something stands at the path that is not null; or nothing does."""

    path: Path
    exists: bool = True


@dataclass(frozen=True, slots=True)
class Matches:
    """A text or a number stands at the path in which a regular expression is found."""

    path: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class IsScalar:
    """A number stands at the path, true or false; or a text, where it counts."""

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

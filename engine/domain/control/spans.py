"""Spans of time: sums of what happened in each, of which there is one for each key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import Field, dataclass, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar

FIRST, LAST = -(2**63), 2**63 - 1
"""The first and the last time that 64 bits hold."""


class Sum(Protocol):
    """What happened in a span of time: a data class with a step and a begin, both in ns."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def key(self) -> tuple[Any, ...]:
        """What there is one sum of."""
        ...

    @property
    def step(self) -> int:
        """Length of the span."""
        ...

    @property
    def begin(self) -> int:
        """Begin of the span, a multiple of its step."""
        ...

    def joined(self, other: Self) -> Self:
        """Return the sum of both."""
        ...


S = TypeVar("S", bound=Sum)


def begin_of(time: int, step: int) -> int:
    """Return where the span that a time is in begins; the first that 64 bits hold at least."""
    return max(time - time % step, FIRST)


def joined(sums: Iterable[S]) -> list[S]:
    """Return sums of which each key is there once, in the order of their keys."""
    found: dict[tuple[Any, ...], S] = {}
    for one in sums:
        known = found.get(one.key)
        found[one.key] = one if known is None else known.joined(one)
    return [found[key] for key in sorted(found)]


def widened(sums: Iterable[S], step: int) -> list[S]:
    """Return sums of a longer step, which has to be a multiple of theirs."""
    return joined(
        one if one.step == step else replace(one, step=step, begin=begin_of(one.begin, step))
        for one in sums
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """Stored spans of one step that begin from `since` on and before `until`, in ns."""

    step: int
    since: int
    until: int


def stretches(since: int, until: int, steps: Sequence[int]) -> list[Stretch]:
    """Return the fewest stored spans that a time consists of: the longest ones in its middle.

    Args:
        since: begin of a span of the least step.
        until: where the last span begins before.
        steps: each a multiple of the one before.
    """
    if since >= until:
        return []
    *less, step = steps
    if not less:
        return [Stretch(step, since, until)]
    first = since if since == FIRST else begin_of(since + step - 1, step)
    last = until if until == LAST else begin_of(until, step)
    if first >= last:
        return stretches(since, until, less)
    middle = Stretch(step, first, last)
    return [*stretches(since, first, less), middle, *stretches(last, until, less)]

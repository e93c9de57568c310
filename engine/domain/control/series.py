"""Series: scored values of an entity, downsampled to buckets of time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.domain.control.lane import rarity_of
from engine.domain.control.published import (
    Document,
    UnreadableRecordError,
    integer_of,
    text_of,
)
from engine.domain.control.spans import begin_of
from engine.domain.time_units import NS_PER_SECOND

FINE, COARSE = 60 * NS_PER_SECOND, 3_600 * NS_PER_SECOND
"""Lengths of the buckets that are stored, in ns; the coarse ones are kept for longer."""
EVENTS = ""
"""Name of the bucket that counts the events of an entity, and has the rarity of the rarest."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The values of one name, of an entity, in a span of time.

    Attributes:
        pipeline, entity, value: whose; EVENTS for the events themselves.
        step: length of the span in ns.
        begin: of the span, event time in ns: a multiple of the step.
        count: how many.
        total: their sum.
        least, greatest: of them.
        low, high: the widest range that was expected; None if none was.
        rarity: powers of ten of the rarest event; 0 for values.
    """

    pipeline: str
    entity: str
    value: str
    step: int
    begin: int
    count: int
    total: float
    least: float
    greatest: float
    low: float | None
    high: float | None
    rarity: float

    @property
    def key(self) -> tuple[str, int, str, str, int]:
        """What there is one bucket of."""
        return self.pipeline, self.step, self.entity, self.value, self.begin

    @property
    def mean(self) -> float:
        """Of the values."""
        if math.isfinite(self.total):
            return self.total / self.count
        return self.least / 2 + self.greatest / 2

    def joined(self, other: Bucket) -> Bucket:
        """Return a bucket with the values of both."""
        return replace(
            self,
            count=self.count + other.count,
            total=self.total + other.total,
            least=min(self.least, other.least),
            greatest=max(self.greatest, other.greatest),
            low=_either(min, self.low, other.low),
            high=_either(max, self.high, other.high),
            rarity=max(self.rarity, other.rarity),
        )


def buckets_of(document: Document) -> list[Bucket]:
    """Return the buckets of the record of a score, of the fine step.

    Raises:
        UnreadableRecordError: it is none; the message names the field.
    """
    time = integer_of(document, "time_ns")
    p_value = document.get("p_value")
    if not (p_value is None or isinstance(p_value, (int, float))):
        raise UnreadableRecordError("p_value: expected a number or null")
    rarity = 0.0 if p_value is None else max(0.0, rarity_of(p_value))
    events = Bucket(
        text_of(document, "pipeline"),
        text_of(document, "entity"),
        EVENTS,
        FINE,
        begin_of(time, FINE),
        *(1, 0.0, 0.0, 0.0, None, None),
        rarity,
    )
    values = document.get("values")
    if not isinstance(values, list):
        raise UnreadableRecordError("values: expected a list")
    return [events, *(bucket for one in values if (bucket := _bucket(events, one)) is not None)]


def _bucket(events: Bucket, value: object) -> Bucket | None:
    """Return the bucket of one value; None for a gap."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise UnreadableRecordError("values: expected objects with a name")
    found = _number(value.get("value"))
    if found is None:
        return None
    return replace(
        events,
        value=text_of(value, "name"),
        total=found,
        least=found,
        greatest=found,
        low=_number(value.get("low")),
        high=_number(value.get("high")),
        rarity=0.0,
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def _either(
    best: Callable[[float, float], float], one: float | None, other: float | None
) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return best(one, other)

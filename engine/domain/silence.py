"""Silences: when alerts on some entities are muted, as for a maintenance window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from engine.domain.time_units import NS_PER_DAY, NS_PER_SECOND

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Span = tuple[int, int]
"""From and until, ns since 1970."""


class Calendar(Protocol):
    """What knows the spans of time that are marked in a calendar."""

    def spans(self, begin: datetime, end: datetime) -> list[Span]:
        """Return the spans that overlap one of time."""
        ...


@dataclass(frozen=True, slots=True)
class Weekly:
    """Hours of days of the week, by the wall clock.

    Attributes:
        days: 0 is Monday.
        begin, end: of each of the days; an end that is not later is of the next day.
        zone: name of the time zone.
    """

    days: frozenset[int]
    begin: time
    end: time
    zone: str

    def spans(self, begin: datetime, end: datetime) -> list[Span]:
        """Return the spans that overlap one of time.

        An hour that comes twice is within as a whole; one that is left out shortens a span.
        """
        zone = ZoneInfo(self.zone)
        day = begin.astimezone(zone).date() - timedelta(days=1)
        last = end.astimezone(zone).date()
        found: list[Span] = []
        while day <= last:
            if day.weekday() in self.days:
                found.append(self._span(day, zone))
            day += timedelta(days=1)
        return found

    def _span(self, day: date, zone: ZoneInfo) -> Span:
        until = day if self.end > self.begin else day + timedelta(days=1)
        first = datetime.combine(day, self.begin, zone)
        last = datetime.combine(until, self.end, zone)
        return first_shown(first), _last_shown(last)


def first_shown(moment: datetime) -> int:
    """Return when the wall clock first shows a time, or first passes it."""
    before, after = _readings(moment)
    return before if before <= after else _change_between(after, before, moment)


def _last_shown(moment: datetime) -> int:
    """Return when the wall clock last shows a time, or first passes it."""
    before, after = _readings(moment)
    return after if before <= after else _change_between(after, before, moment)


def _readings(moment: datetime) -> tuple[int, int]:
    """Return a local time by the offset before a change of the clock, and by that after it.

    They are equal but for a time that comes twice, and one that is left out: there, the second is
    earlier.
    """
    return nanoseconds(moment.replace(fold=0)), nanoseconds(moment.replace(fold=1))


def _change_between(low: int, high: int, moment: datetime) -> int:
    """Return when the wall clock leaves out a local time; it is after one moment, by another."""
    zone = moment.tzinfo
    while high - low > NS_PER_SECOND:
        middle = (low + high) // 2
        shown = (EPOCH + timedelta(microseconds=middle // 1_000)).astimezone(zone)
        passed = shown.replace(tzinfo=None) > moment.replace(tzinfo=None)
        low, high = (low, middle) if passed else (middle, high)
    return high // NS_PER_SECOND * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Silence:
    """A rule that mutes alerts.

    Attributes:
        name: named in anomalies that are published nevertheless.
        entities: patterns of keys, such as "press-3/*"; one of them has to fit.
        values: names of the values to blame for which it holds; empty: for all.
        begin, end: ns since 1970; None means no bound.
        weekly: hours of the week; None: all.
        calendar: marks when it holds; None: always.
        source: tells a calendar that may not be known yet: until then it never holds.
        publish: whether anomalies are published all the same, with the silence's name.
        learn: whether events are learned from.
        mutes: whether it mutes alerts; else it only keeps events from being learned.
    """

    name: str
    entities: tuple[str, ...] = ("*",)
    values: frozenset[str] = frozenset()
    begin: int | None = None
    end: int | None = None
    weekly: Weekly | None = None
    calendar: Calendar | None = field(default=None, compare=False)
    source: str = ""
    publish: bool = False
    learn: bool = False
    mutes: bool = True

    def spans(self, day: int) -> list[Span]:
        """Return when it holds on a day, in order and without overlaps.

        Args:
            day: number of the day since 1970, in UTC.
        """
        if self.source and self.calendar is None:
            return []
        first, last = day * NS_PER_DAY, (day + 1) * NS_PER_DAY
        first = first if self.begin is None else max(first, self.begin)
        last = last if self.end is None else min(last, self.end)
        found = [(first, last)] if first < last else []
        moments = EPOCH + timedelta(days=day), EPOCH + timedelta(days=day + 1)
        for schedule in (self.weekly, self.calendar):
            if schedule is not None and found:
                found = _overlap(found, sorted(schedule.spans(*moments)))
        return _joined(found)


def nanoseconds(moment: datetime) -> int:
    """Return a moment as ns since 1970."""
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1) * 1_000


def _overlap(spans: list[Span], others: list[Span]) -> list[Span]:
    both = [(max(a, c), min(b, d)) for a, b in spans for c, d in others]
    return [(first, last) for first, last in both if first < last]


def _joined(spans: list[Span]) -> list[Span]:
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


WEEKDAYS: Mapping[str, int] = {
    name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
}

"""iCalendar files (RFC 5545): when their events are, recurring ones too, by their time zones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from engine.domain.errors import FatalError
from engine.domain.silence import Span, first_shown, nanoseconds
from engine.domain.time_units import NS_PER_SECOND

KEPT = (
    *("UID", "DTSTART", "DTEND", "DURATION", "STATUS", "SEQUENCE"),
    *("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"),
)
"""Properties of an event that say when it is. Nothing else is kept: who is invited is not our
business here, and servers write the time of the request into it."""
MOST_BYTES = 512 * 2**10
"""Of a calendar that is kept: it is one record of the log."""
A_DAY, A_SECOND = timedelta(days=1), timedelta(seconds=1)
MOST_CANCELLED = 1_000
"""Occurrences that are looked at, in turn: a series that is cancelled may have no end."""
LENGTH = "X-LENGTH"
"""Property of an event for its DURATION, in seconds."""


class IcalCalendar:
    """The events of a calendar; one that is cancelled does not count.

    Args:
        text: of the calendar.
        zone: of times that name none, and of whole days.
    """

    def __init__(self, text: str, zone: str) -> None:
        read = icalendar.Calendar.from_ical(text)
        for event in read.walk("VEVENT"):
            if "DURATION" in event:
                # Occurrences do not have it.
                event.add(LENGTH, str(event["DURATION"].dt // A_SECOND))
        self._events = recurring_ical_events.of(read)
        self._zone = ZoneInfo(zone)

    def spans(self, begin: datetime, end: datetime) -> list[Span]:
        """Return the spans that overlap one of time."""
        # Times that name no zone are found by those of UTC: a day more on both sides.
        near = self._events.between(begin - A_DAY, end + A_DAY)
        found = [self._span(event) for event in near if not _cancelled(event)]
        first, last = nanoseconds(begin), nanoseconds(end)
        return sorted(span for span in found if span[0] < last and span[1] > first)

    def ends_after(self, moment: datetime) -> bool:
        """Return whether an event ends after a time."""
        # Times that name no zone are found by those of UTC: a day more.
        later = islice(self._events.after(moment - A_DAY), MOST_CANCELLED)
        ends = (self._span(event)[1] for event in later if not _cancelled(event))
        return any(end > nanoseconds(moment) for end in ends)

    def _span(self, event: Any) -> Span:
        first, last = self._moment(event["DTSTART"].dt), self._end(event)
        if first > last:
            # The clock leaves out its begin, which RFC 5545 reads by the offset before.
            first = first_shown(self._local(event["DTSTART"].dt))
        return first, last

    def _end(self, event: Any) -> int:
        """Return when an occurrence ends: after days of the wall clock, and exact hours."""
        first, last = event["DTSTART"].dt, event["DTEND"].dt
        if LENGTH in event and isinstance(first, datetime):
            length = timedelta(seconds=int(event[LENGTH]))
            # Otherwise it is of a period of its own.
            if last.replace(tzinfo=None) - first.replace(tzinfo=None) == length:
                days = timedelta(days=length.days)
                return self._moment(first + days) + (length - days) // A_SECOND * NS_PER_SECOND
        return self._moment(last)

    def _moment(self, when: date) -> int:
        return nanoseconds(self._local(when))

    def _local(self, when: date) -> datetime:
        if not isinstance(when, datetime):
            return datetime.combine(when, time(), self._zone)
        return when if when.tzinfo is not None else when.replace(tzinfo=self._zone)


def _cancelled(event: Any) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"


def essence(text: str) -> str:
    """Return a calendar with only the times of its events, the same for the same events.

    A file may have several calendars: they become one.

    Raises:
        FatalError: it is not a calendar, or too large.
    """
    try:
        found = _with_times(icalendar.Calendar.from_ical(text, multiple=True))
        IcalCalendar(found, "UTC").spans(datetime.now(UTC), datetime.now(UTC))
    except Exception as error:
        raise FatalError(f"it is not a calendar that can be read: {error}") from error
    if len(found) > MOST_BYTES:
        raise FatalError(
            f"it has {len(found):,} bytes where {MOST_BYTES:,} fit into a control record: leave "
            "past events out"
        )
    return found


def _with_times(read: Sequence[icalendar.Component]) -> str:
    if not read:
        raise ValueError("it has no VCALENDAR")
    found = icalendar.Calendar()
    found.add("VERSION", "2.0")
    found.add("PRODID", "-//Pynomaly//")
    for zone in (zone for one in read for zone in one.walk("VTIMEZONE")):
        found.add_component(zone)
    for event in (event for one in read for event in one.walk("VEVENT")):
        kept = icalendar.Event()
        for name, value in event.items():
            if name in KEPT:
                _require_known_zone(value)
                kept[name] = value
        found.add_component(kept)
    text: str = found.to_ical().decode()
    return text


def _require_known_zone(value: Any) -> None:
    """Refuse a time whose zone is unknown: it would be read in the zone of the pipeline.

    Raises:
        FatalError: neither the calendar nor the zone database has the zone.
    """
    zone = getattr(value, "params", {}).get("TZID")
    moment = getattr(value, "dt", None)
    if zone and isinstance(moment, datetime) and moment.tzinfo is None:
        raise FatalError(f'the calendar has no VTIMEZONE for "{zone}", and no zone is called so')

"""Calendars of silences: recurring events by their time zones, and what is kept of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.application.live_control import ical
from engine.application.live_control.ical import IcalCalendar, essence
from engine.domain.errors import FatalError
from engine.domain.silence import Silence, nanoseconds

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//plant//\r\n"
NIGHTLY = """BEGIN:VEVENT
UID:a
DTSTAMP:20260101T000000Z
SUMMARY:Gearbox, ask anna@example.com
DTSTART;TZID=Europe/Berlin:20260301T010000
DTEND;TZID=Europe/Berlin:20260301T040000
RRULE:FREQ=DAILY
EXDATE;TZID=Europe/Berlin:20260305T010000
END:VEVENT
"""


def calendar(events: str) -> str:
    return (HEAD + events.strip() + "\nEND:VCALENDAR\n").replace("\r\n", "\n").replace("\n", "\r\n")


def on(day: str, text: str, zone: str = "Europe/Berlin") -> list[tuple[str, str]]:
    """When it holds on a day of UTC."""
    number = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) // 86_400
    silence = Silence("works", source="x", calendar=IcalCalendar(text, zone))
    return [(_clock(first), _clock(last)) for first, last in silence.spans(number)]


def _clock(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%d %H:%M")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-03-02", [("02 00:00", "02 03:00")]),
        # Left out by EXDATE.
        ("2026-03-05", []),
        # The night of an hour less, and the next one: the clock on the wall is two hours ahead.
        ("2026-03-29", [("29 00:00", "29 02:00"), ("29 23:00", "30 00:00")]),
        ("2026-03-30", [("30 00:00", "30 02:00"), ("30 23:00", "31 00:00")]),
        # The night of an hour more.
        ("2026-10-25", [("25 00:00", "25 03:00")]),
    ],
)
def test_a_recurring_event_follows_its_time_zone(day: str, expected: list[tuple[str, str]]) -> None:
    assert on(day, calendar(NIGHTLY)) == expected


@pytest.mark.parametrize(
    ("duration", "day", "expected"),
    [
        # Six hours are six hours in the night of an hour less, and in that of an hour more.
        ("PT6H", "2026-09-26", [("26 11:00", "26 17:00")]),
        ("PT6H", "2026-04-04", [("04 10:00", "04 16:00")]),
        ("P1D", "2026-09-26", [("26 11:00", "27 00:00")]),
        # A day is one of the wall clock: of 23 hours; what follows is exact.
        ("P1D", "2026-09-27", [("27 00:00", "27 10:00")]),
        ("P1DT2H", "2026-09-27", [("27 00:00", "27 12:00")]),
    ],
)
def test_hours_of_a_duration_are_exact_and_days_are_of_the_wall_clock(
    duration: str, day: str, expected: list[tuple[str, str]]
) -> None:
    text = (
        "BEGIN:VEVENT\nUID:a\nDTSTART;TZID=Pacific/Auckland:20260404T230000\n"
        f"DURATION:{duration}\nRRULE:FREQ=WEEKLY;BYDAY=SA\nEND:VEVENT"
    )

    assert on(day, calendar(text)) == expected


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        # Clocks go from two to three: what is left of the event begins then.
        ("023000", "031500", [("29 01:00", "29 01:15")]),
        ("023000", "030000", []),
        ("021500", "024500", [("29 01:15", "29 01:45")]),
        ("013000", "023000", [("29 00:30", "29 01:30")]),
    ],
)
def test_an_event_whose_begin_the_clock_leaves_out_holds_until_its_end(
    begin: str, end: str, expected: list[tuple[str, str]]
) -> None:
    text = (
        f"BEGIN:VEVENT\nUID:a\nDTSTART;TZID=Europe/Berlin:20260301T{begin}\n"
        f"DTEND;TZID=Europe/Berlin:20260301T{end}\nRRULE:FREQ=WEEKLY\nEND:VEVENT"
    )

    assert on("2026-03-29", calendar(text)) == expected


def test_times_without_a_zone_and_whole_days_are_of_the_pipelines_zone() -> None:
    floating = calendar(
        """BEGIN:VEVENT
UID:b
DTSTART:20260701T080000
DURATION:PT2H
END:VEVENT
BEGIN:VEVENT
UID:c
DTSTART;VALUE=DATE:20260703
END:VEVENT
"""
    )

    assert on("2026-07-01", floating) == [("01 06:00", "01 08:00")]
    assert on("2026-07-02", floating) == [("02 22:00", "03 00:00")]
    assert on("2026-07-03", floating) == [("03 00:00", "03 22:00")]


def test_what_is_cancelled_or_moved_counts_as_the_calendar_says() -> None:
    moved = (
        NIGHTLY
        + """BEGIN:VEVENT
UID:a
RECURRENCE-ID;TZID=Europe/Berlin:20260303T010000
DTSTART;TZID=Europe/Berlin:20260303T120000
DTEND;TZID=Europe/Berlin:20260303T130000
END:VEVENT
BEGIN:VEVENT
UID:a
RECURRENCE-ID;TZID=Europe/Berlin:20260304T010000
DTSTART;TZID=Europe/Berlin:20260304T010000
DTEND;TZID=Europe/Berlin:20260304T040000
STATUS:CANCELLED
END:VEVENT
"""
    )

    assert on("2026-03-03", calendar(moved)) == [("03 11:00", "03 12:00")]
    assert on("2026-03-04", calendar(moved)) == []


def test_a_calendar_that_is_not_known_yet_never_holds() -> None:
    assert Silence("works", source="x").spans(20_000) == []


def test_only_what_says_when_events_are_is_kept() -> None:
    kept = essence(calendar(NIGHTLY))
    later = essence(calendar(NIGHTLY.replace("DTSTAMP:20260101", "DTSTAMP:20260202")))

    assert kept == later
    assert "anna" not in kept
    assert on("2026-03-29", kept) == on("2026-03-29", calendar(NIGHTLY))


def test_several_calendars_of_one_file_are_one() -> None:
    noon = "BEGIN:VEVENT\nUID:n\nDTSTART:20260302T120000Z\nDURATION:PT1H\nEND:VEVENT"

    kept = essence(calendar(NIGHTLY) + calendar(noon))

    assert on("2026-03-02", kept) == [("02 00:00", "02 03:00"), ("02 12:00", "02 13:00")]


@pytest.mark.parametrize("text", ["<html>", "", calendar("BEGIN:VEVENT\nUID:a\nEND:VEVENT")])
def test_rejects_invalid_calendars(text: str) -> None:
    with pytest.raises(FatalError, match="it is not a calendar that can be read"):
        essence(text)


def test_a_zone_that_nobody_knows_is_refused() -> None:
    unknown = NIGHTLY.replace("Europe/Berlin", "Mars/Base")

    with pytest.raises(FatalError, match='no VTIMEZONE for "Mars/Base"'):
        essence(calendar(unknown))


def test_a_calendar_that_fits_into_no_record_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ical, "MOST_BYTES", 100)

    with pytest.raises(FatalError, match="leave past events out"):
        essence(calendar(NIGHTLY))


def test_spans_are_those_that_overlap() -> None:
    found = IcalCalendar(calendar(NIGHTLY), "UTC")
    begin, end = datetime(2026, 3, 2, 1, tzinfo=UTC), datetime(2026, 3, 2, 2, tzinfo=UTC)

    assert found.spans(begin, end) == [
        (
            nanoseconds(datetime(2026, 3, 2, 0, tzinfo=UTC)),
            nanoseconds(datetime(2026, 3, 2, 3, tzinfo=UTC)),
        )
    ]

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from engine.domain.silence import Silence, Weekly, nanoseconds
from engine.domain.time_units import NS_PER_DAY

BERLIN = "Europe/Berlin"


def at(text: str) -> int:
    return nanoseconds(datetime.fromisoformat(text))


def spans(silence: Silence, day: str) -> list[tuple[str, str]]:
    """When it holds on a day of UTC, as hours and minutes of it."""
    begin = at(f"{day}T00:00:00+00:00")
    found = silence.spans(begin // NS_PER_DAY)
    return [
        (clock(first), "24:00" if last - begin == NS_PER_DAY else clock(last))
        for first, last in found
    ]


def clock(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1e9, UTC).strftime("%H:%M")


def weekly(days: set[int], begin: str, end: str, zone: str = "UTC") -> Silence:
    hours = time.fromisoformat(begin), time.fromisoformat(end)
    return Silence("s", weekly=Weekly(frozenset(days), *hours, zone))


def test_a_silence_without_a_time_holds_always() -> None:
    assert spans(Silence("s"), "2026-03-01") == [("00:00", "24:00")]


def test_a_silence_holds_from_and_until() -> None:
    silence = Silence("s", begin=at("2026-03-01T22:00:00+01:00"), end=at("2026-03-02T06:00:00Z"))

    found = [spans(silence, f"2026-03-0{day}") for day in (1, 2, 3)]

    assert found == [[("21:00", "24:00")], [("00:00", "06:00")], []]


def test_hours_of_a_week_hold_by_the_clock_on_the_wall() -> None:
    """Saturdays from six to eight: an hour earlier in UTC in winter, two in summer."""
    silence = weekly({5}, "06:00", "08:00", BERLIN)

    assert spans(silence, "2026-03-07") == [("05:00", "07:00")]
    assert spans(silence, "2026-07-04") == [("04:00", "06:00")]
    assert spans(silence, "2026-07-05") == []


def test_hours_over_midnight_are_of_the_day_they_begin_on() -> None:
    silence = weekly({5}, "22:00", "06:00")

    assert spans(silence, "2026-03-07") == [("22:00", "24:00")]
    assert spans(silence, "2026-03-08") == [("00:00", "06:00")]
    assert spans(silence, "2026-03-06") == []


@pytest.mark.parametrize(
    ("day", "hours", "held"),
    [
        # 2 to 3 o'clock is left out on 29 March, and comes twice on 25 October.
        ("2026-03-29", ("01:00", "05:00"), [("00:00", "03:00")]),
        ("2026-03-29", ("02:00", "03:00"), []),
        ("2026-10-25", ("01:00", "05:00"), [("00:00", "04:00")]),
        ("2026-10-25", ("02:00", "03:00"), [("00:00", "02:00")]),
        ("2026-10-25", ("02:30", "02:45"), [("00:30", "01:45")]),
    ],
    ids=str,
)
def test_daylight_saving_moves_a_span_and_not_its_ends_on_the_wall(
    day: str, hours: tuple[str, str], held: list[tuple[str, str]]
) -> None:
    silence = weekly({6}, *hours, BERLIN)

    assert spans(silence, day) == held


@pytest.mark.parametrize(
    ("zone", "day", "hours", "held"),
    [
        (BERLIN, "2026-03-29", ("02:30", "04:00"), [("01:00", "02:00")]),
        (BERLIN, "2026-03-29", ("01:00", "02:30"), [("00:00", "01:00")]),
        (BERLIN, "2026-03-29", ("02:15", "02:45"), []),
        ("America/New_York", "2026-03-08", ("02:30", "04:00"), [("07:00", "08:00")]),
        ("America/New_York", "2026-11-01", ("01:30", "02:00"), [("05:30", "07:00")]),
        # Half an hour: 2:00 to 2:30 is left out on 4 October, 1:30 to 2:00 comes twice on 5 April.
        ("Australia/Lord_Howe", "2026-10-03", ("01:00", "02:15"), [("14:30", "15:30")]),
        ("Australia/Lord_Howe", "2026-10-03", ("02:15", "03:00"), [("15:30", "16:00")]),
        ("Australia/Lord_Howe", "2026-04-04", ("01:00", "02:00"), [("14:00", "15:30")]),
    ],
    ids=str,
)
def test_a_time_that_the_clock_leaves_out_is_when_it_is_moved(
    zone: str, day: str, hours: tuple[str, str], held: list[tuple[str, str]]
) -> None:
    silence = weekly({6}, *hours, zone)

    assert spans(silence, day) == held


def test_a_week_within_a_range_holds_where_both_do() -> None:
    silence = Silence(
        "s",
        begin=at("2026-03-07T00:00:00Z"),
        end=at("2026-03-07T07:00:00Z"),
        weekly=Weekly(frozenset({5}), time(6), time(8), "UTC"),
    )

    assert spans(silence, "2026-03-07") == [("06:00", "07:00")]
    assert spans(silence, "2026-03-14") == []


def test_spans_that_meet_are_one() -> None:
    assert spans(weekly(set(range(7)), "00:00", "00:00"), "2026-03-07") == [("00:00", "24:00")]

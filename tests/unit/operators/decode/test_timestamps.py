from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from engine.domain.mapping import TimeField, TimeUnit
from operators.decode.timestamps import UNREADABLE, TimeReader


@pytest.mark.parametrize(
    ("unit", "written", "expected"),
    [
        ("s", 1_767_225_600, 1_767_225_600_000_000_000),
        ("ms", 1_767_225_600_001, 1_767_225_600_001_000_000),
        ("us", 1_767_225_600_000_001, 1_767_225_600_000_001_000),
        ("ns", 1_767_225_600_000_000_001, 1_767_225_600_000_000_001),
        ("s", 1.5, 1_500_000_000),
        ("s", -1, -1_000_000_000),
        ("s", 10**12, UNREADABLE),
        ("ns", 2**70, UNREADABLE),
        ("ms", -(2**63), UNREADABLE),
        ("s", float("inf"), UNREADABLE),
        ("s", "1", 1_000_000_000),
        ("ns", "1767225600000000001", 1_767_225_600_000_000_001),
        ("s", "1.5", 1_500_000_000),
        ("s", "one", UNREADABLE),
        ("s", True, UNREADABLE),
        ("ms", [1] * 3, UNREADABLE),
    ],
)
def test_numbers_are_exact_to_the_nanosecond(unit, written, expected) -> None:
    read = TimeReader(TimeField(("t",), unit)).column

    assert read([written]).tolist() == [expected]
    assert read([0, written, 1.0]).tolist()[1] == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00"),
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456789"),
        ("2026-01-01 00:00:00", "2026-01-01T00:00:00"),
        ("2026-01-01T01:30:00+01:30", "2026-01-01T00:00:00"),
        ("2025-12-31T23:00:00-0100", "2026-01-01T00:00:00"),
        ("2026-01-01T00:00", "2026-01-01T00:00:00"),
        ("2026-W01-4T01:00Z", "2026-01-01T01:00:00"),
        ("2026W014T010000Z", "2026-01-01T01:00:00"),
        ("2026-W02", "2026-01-05T00:00:00"),
        ("2026-032T01:00:00+01:00", "2026-02-01T00:00:00"),
    ],
)
def test_iso_8601_in_its_usual_forms(written: str, expected: str) -> None:
    read = TimeReader(TimeField(("t",), None, "iso8601")).column
    wanted = int(np.datetime64(expected, "ns").astype(np.int64))

    assert read([written]).tolist() == [wanted]
    assert read([written, "2026-01-01T00:00:00Z", "now"]).tolist()[0] == wanted


NO_TIMES = [
    "now",
    "NaT",
    "2026",
    "2026-01-01T25:00:00Z",
    "9999-01-01T00:00:00Z",
    "2026-01-01T00:00:00ZZ",
    "2026-01-01T00:00:00+01:00Z",
    "2026-01-01T00:00:00.Z",
    "2026-W54-1",
    "2026-366",
    "2026-000",
    5,
    "",
]


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-01T00:00:00+0130",
        "2026-01-01 00:00:00.000Z",
        "2026-01-01T00:00:00.0Z0Z",
        "2026-01-01T00:00:00.000.",
        "2026-01-01T00:00:00.00.Z",
        "2726-01-01T00:00:00.000Z",
        "1026-01-01T00:00:00.000Z",
        "20x6-01-01T00:00:00.000Z",
    ],
)
def test_a_column_of_texts_of_one_length_is_read_as_each_of_them(written: str) -> None:
    usual = "2026-01-01T00:00:00.000Z"
    read = TimeReader(TimeField(("t",), None, "iso8601")).column

    together = read([usual, written, usual]).tolist()

    assert len(written) == len(usual)
    assert together == [read([text]).tolist()[0] for text in (usual, written, usual)]


@pytest.mark.parametrize("written", NO_TIMES)
def test_an_unreadable_time_affects_its_own_row_only(written) -> None:
    read = TimeReader(TimeField(("t",), None, "iso8601")).column
    good = "1970-01-01T00:00:01Z"

    assert read([good, written, good]).tolist() == [10**9, UNREADABLE, 10**9]
    assert read([good, written, "1970"]).tolist() == [10**9, UNREADABLE, UNREADABLE]
    assert read([written]).tolist() == [UNREADABLE]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Thu, 01 Jan 2026 01:30:00 +0130", "2026-01-01T00:00:00"),
        ("Thu, 1 Jan 2026 00:00:00 GMT", "2026-01-01T00:00:00"),
        ("1 Jan 2026 00:00 -0000", "2026-01-01T00:00:00"),
        ("Thursday, 01-Jan-26 00:00:00 GMT", "2026-01-01T00:00:00"),
        ("Wed, 31 Dec 2025 19:00:00 EST (Eastern)", "2026-01-01T00:00:00"),
    ],
)
def test_times_of_mail_and_http_are_read(written: str, expected: str) -> None:
    read = TimeReader(TimeField(("t",), None, "rfc2822")).column

    assert read([written]).tolist() == [int(np.datetime64(expected, "ns").astype(np.int64))]


@pytest.mark.parametrize(
    "written", ["now", "1 2 3", "Thu, 01 Foo 2026 00:00:00 GMT", "Thu, 32 Jan 2026 00:00:00 GMT", 5]
)
def test_rejects_texts_that_are_not_times_of_mail(written: object) -> None:
    read = TimeReader(TimeField(("t",), None, "rfc2822")).column

    assert read([written]).tolist() == [UNREADABLE]


@pytest.mark.parametrize("half", ["p", "pm", "PM", "P.M.", "p.m."])
def test_the_half_of_the_day_may_be_written_as_one_letter(half: str) -> None:
    joined = TimeReader(TimeField(("t",), None, "%m/%d/%y %I:%M%p")).column
    apart = TimeReader(TimeField(("t",), None, "%m/%d/%y %I:%M %p")).column

    assert joined([f"1/1/70 12:30{half}"]).tolist() == [45_000 * 10**9]
    assert apart([f"1/1/70 12:30 {half}"]).tolist() == [45_000 * 10**9]


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("%d.%m.%Y %H:%M", "01.01.1970 00:01 - 01.01.1970 00:15 (CET/CEST)"),
        ("%d.%m.%Y %H:%M", "01.01.1970 00:01 \u2013 00:15"),
        ("%d %b %Y %H:%M", "1 Jan 1970 00:01 - 00:15"),
        ("iso8601", "1970-01-01 00:01 - 1970-01-01 00:15"),
    ],
)
def test_of_an_interval_the_begin_is_read(form: str, written: str) -> None:
    column = TimeReader(TimeField(("t",), None, form)).column

    assert column([written]).tolist() == [60 * 10**9]
    assert column([written.replace("1970", "x", 1), "-"]).tolist() == [UNREADABLE] * 2


def test_strptime_is_utc_where_no_zone_is_named() -> None:
    plain = TimeReader(TimeField(("t",), None, "%d/%b/%Y:%H:%M:%S")).column
    zoned = TimeReader(TimeField(("t",), None, "%d/%b/%Y:%H:%M:%S %z")).column

    assert plain(["01/Jan/1970:00:00:02"]).tolist() == [2 * 10**9]
    assert zoned(["01/Jan/1970:01:00:02 +0100"]).tolist() == [2 * 10**9]
    assert plain(["1 January"]).tolist() == [UNREADABLE]


@pytest.mark.parametrize(
    ("unit", "since", "written"),
    [
        ("100ns", "0001-01-01", [638_396_640_000_000_000, 638_396_640_600_000_000]),
        ("100ns", "1601-01-01", ["133485408000000000", "133485408600000000"]),
        ("s", "1904-01-01", [3_786_912_000.0, 3_786_912_060.0]),
        ("s", "2001-01-01", [725_760_000, "725760060.0"]),
        ("d", "epoch", [19_723, 19_723 + 1 / 1440]),
    ],
    ids=["ticks of .NET", "FILETIME", "LabVIEW", "Cocoa", "days"],
)
def test_numbers_count_from_another_date(unit: TimeUnit, since: str, written: list[Any]) -> None:
    read = TimeReader(TimeField(("t",), unit, since=since)).column
    first = 1_704_067_200 * 10**9

    assert read(written).tolist() == [first, first + 60 * 10**9]
    assert read(np.array([written[0]], np.int64)).tolist() == [first]


def test_a_number_beyond_what_fits_affects_its_own_row_only() -> None:
    read = TimeReader(TimeField(("t",), "100ns", since="0001-01-01")).column

    found = read([638_396_640_000_000_000, -(2**63), 2**63 - 1])

    assert found.tolist() == [1_704_067_200 * 10**9, UNREADABLE, UNREADABLE]


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("iso8601", "2024-01-01 00:00:00.5 +0000 UTC"),
        ("iso8601", "2024-01-01 01:00:00.5 +0100 CET m=+0.123"),
        ("iso8601", "2024-01-01 03:00:00.5 +0300 +03"),
        ("%d-%b-%y %I.%M.%S.%f %p", "01-JAN-24 12.00.00.500000000 AM"),
        (
            "%a %b %d %Y %H:%M:%S.%f GMT%z",
            "Mon Jan 01 2024 01:00:00.5 GMT+0100 (Central European Standard Time)",
        ),
    ],
    ids=["Go", "Go with its clock", "Go in a zone without a name", "Oracle", "JavaScript"],
)
def test_times_are_read_as_languages_and_databases_print_them(form: str, written: str) -> None:
    read = TimeReader(TimeField(("t",), None, form)).column

    assert read([written]).tolist() == [1_704_067_200_500_000_000]


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1_000


STAMP = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "written", "stamp", "expected"),
    [
        ("%b %d %H:%M:%S", "Jan  9 09:00:55", STAMP, "2026-01-09T09:00:55"),
        ("%b %d %H:%M:%S", "Dec 31 23:59:59", STAMP, "2025-12-31T23:59:59"),
        ("%b %d %H:%M:%S", "Jan 11 11:00:00", STAMP, "2026-01-11T11:00:00"),
        ("%b %d %H:%M:%S", "Jan 12 00:00:00", STAMP, "2025-01-12T00:00:00"),
        ("%b %d %H:%M:%S", "Feb 29 10:00:00", STAMP, "2024-02-29T10:00:00"),
        ("%m.%d %H:%M:%S", "10.30 16:49:06", STAMP, "2025-10-30T16:49:06"),
        ("%m-%d %H:%M:%S.%f", "03-17 16:13:38.811", STAMP, "2025-03-17T16:13:38.811000"),
        ("%b %d %H:%M:%S", "Jan  1 00:30:00", datetime(2025, 12, 31, 23, 30, tzinfo=UTC),
         "2026-01-01T00:30:00"),
    ],
    ids=[
        "syslog", "the year before", "a day ahead", "more than a day ahead", "a leap day",
        "digits", "Android", "a message before its time",
    ],
)  # fmt: skip
def test_a_time_without_a_year_is_of_the_last_one_that_is_not_ahead(
    form: str, written: str, stamp: datetime, expected: str
) -> None:
    reader = TimeReader(TimeField(("t",), None, form))

    (found,) = reader.column([written], stamps=[ns(stamp)])

    assert found == ns(datetime.fromisoformat(expected).replace(tzinfo=UTC))


def test_a_time_without_a_year_is_a_local_time_of_its_zone() -> None:
    reader = TimeReader(TimeField(("t",), None, "%b %d %H:%M:%S", zone="Europe/Berlin"))

    (found,) = reader.column(["Jul 1 09:00:00"], stamps=[ns(STAMP)])

    assert found == ns(datetime(2025, 7, 1, 7, tzinfo=UTC))


@pytest.mark.parametrize("written", ["Feb 30 10:00:00", "Jul 1", 7, None, "2024 Jul 1 09:00:00"])
def test_what_is_no_time_without_a_year_is_unreadable(written: Any) -> None:
    reader = TimeReader(TimeField(("t",), None, "%b %d %H:%M:%S"))

    assert reader.column([written], stamps=[ns(STAMP)]).tolist() == [UNREADABLE]

"""Times as texts: ISO 8601 as databases and people write it, and formats in strptime codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_tz

from engine.domain.time_units import NS_PER_SECOND
from operators.decode.local_times import OFFSETS

Written = Callable[[str], tuple[int, bool]]
"""From a text to ns since 1970, and whether the text names its zone; else it is a local time."""

FIRST_YEAR, LAST_YEAR = 1678, 2261
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_ISO = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)"
    r"(?:(?:[Tt]|\s+)(\d\d)(:?)(\d\d)(?:\6(\d\d)(?:[.,](\d+))?)?)?"
    # Java writes the name of the zone behind the offset.
    r"\s*(?:(Z|z|[A-Z]{2,5}|[+-]\d\d(?::?\d\d)?)(?:\[[\w/+-]{1,40}\])?)?"
    # So does Go, and the reading of a clock that runs evenly.
    r"(?:\s(?:[A-Z]{3,5}|[+-]\d\d(?:\d\d)?))?(?:\sm=[+-][\d.]{1,20})?",
    re.ASCII,
)
_WEEK = re.compile(r"(\d{4})-?W(\d\d)(?:-?([1-7]))?(?=[Tt\s]|$)", re.ASCII)
_ORDINAL = re.compile(r"(\d{4})-(\d{3})(?=[Tt\s]|$)", re.ASCII)
_MAIL = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?\d{1,2}[\s-][A-Za-z]{3}[\s-](?:\d\d|\d{4})\s+\d\d:\d\d(?::\d\d)?"
    r"\s*(?P<zone>[+-]\d{4}|[A-Z]{1,5})?(?:\s*\([^()]*\))?",
    re.ASCII,
)
_HALF_DAY = re.compile(r"(?<=[\d\s])([ap])\.?(?:m\.?)?(?![\w.])", re.ASCII | re.IGNORECASE)
"""The half of the day as a, p, am, PM or p.m."""
_LONG_FRACTION = re.compile(r"(?<=[.,:])(\d{6})\d{1,3}(?!\d)", re.ASCII)
_INTERVAL = re.compile(r"\s+[-\u2013]\s+(?=\d)", re.ASCII)
"""The dash of an interval: 01.01.2024 00:00 - 01.01.2024 01:00."""
_COMMENT = re.compile(r"\s*\([^()]*\)$")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?", re.ASCII)
_ABBREVIATION = re.compile(r"\b[A-Z]{2,5}\b")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1).toordinal()
_EXCEL_DAYS = {"excel": date(1899, 12, 30).toordinal(), "excel1904": date(1904, 1, 1).toordinal()}
_EXCEL_DAYS["wincc"] = _EXCEL_DAYS["excel"]
_PARTS_OF_DAY = {"excel": 1, "excel1904": 1, "wincc": 1_000_000}
FIRST_SERIAL, LAST_SERIAL = 61, 132_000
"""Days: before the first, in March 1900, Excel counts a day that never was."""
_CODES = {"Y": r"(?P<Y>\d{4})", "f": r"(?P<f>\d+)"}
_CODES |= {code: rf"(?P<{code}>\d{{2}})" for code in "mdHMSy"}


def iso_8601(abbreviations: Mapping[str, int]) -> Written:
    """Return what reads ISO 8601, given the seconds that abbreviations of zones stand for."""

    def read(text: str) -> tuple[int, bool]:
        found = _ISO.fullmatch(text) or _ISO.fullmatch(_beginning(text))
        if found is None:
            found = _ISO.fullmatch(_calendar_date(text))
        if found is None:
            raise ValueError(text)
        year, _, month, day, hour, _, minute, second, fraction, zone = found.groups()
        local = _ns(int(year), int(month), int(day), hour, minute, second, fraction)
        if zone is None:
            return local, False
        return local - _zone_offset(zone, abbreviations) * NS_PER_SECOND, True

    return read


def _calendar_date(text: str) -> str:
    """Return a text that begins with a week, a day of the year or a month by its calendar date."""
    if month := _MONTH.fullmatch(text):
        return f"{month[0]}-01"
    if week := _WEEK.match(text):
        day = date.fromisocalendar(int(week[1]), int(week[2]), int(week[3] or 1))
        return day.isoformat() + text[week.end() :]
    if ordinal := _ORDINAL.match(text):
        day = date(int(ordinal[1]), 1, 1) + timedelta(days=int(ordinal[2]) - 1)
        if str(day.year) == ordinal[1]:
            return day.isoformat() + text[ordinal.end() :]
    return text


def rfc2822(text: str) -> tuple[int, bool]:
    """Read a time as e-mail and HTTP have it: Sun, 29 Nov 2026 20:00:00 +0000."""
    found, parts = _MAIL.fullmatch(text), parsedate_tz(text)
    if found is None or parts is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = parts[:6]
    local = _ns(year, month, day, str(hour), str(minute), str(second), None)
    return local - (parts[9] or 0) * NS_PER_SECOND, found["zone"] is not None


def _beginning(text: str) -> str:
    """Return the begin of an interval, such as 2024-01-01T00:00Z/PT1H; else the text."""
    begin, _, end = text.partition("/")
    return begin if end else _INTERVAL.split(text, maxsplit=1)[0]


def strptime(text: str, abbreviations: Mapping[str, int]) -> Written:
    """Return what reads a format; of an interval with a dash, its begin."""
    whole = _whole(text, abbreviations)

    def read(written: str) -> tuple[int, bool]:
        try:
            return whole(written)
        except ValueError:
            begin, *end = _INTERVAL.split(written, maxsplit=1)
            if not end:
                raise
        return whole(begin)

    return read


def _whole(text: str, abbreviations: Mapping[str, int]) -> Written:
    """Return what reads a format; formats of digits alone are read without strptime, faster."""
    pattern = _pattern(text)
    if pattern is None:
        return lambda written: _strptime(written, text, abbreviations)

    def read(written: str) -> tuple[int, bool]:
        found = pattern.fullmatch(written)
        if found is None:
            raise ValueError(written)
        parts = found.groupdict()
        return _ns(_year(parts), int(parts["m"]), int(parts["d"]), *map(parts.get, "HMSf")), False

    return read


def excel(system: str) -> Written:
    """Return what reads numbers of days: since 1900 or 1904, as Excel has them, or WinCC."""
    first, parts_of_day = _EXCEL_DAYS[system] - EPOCH_DAY, _PARTS_OF_DAY[system]

    def read(text: str) -> tuple[int, bool]:
        # Date and time of day may be in two cells.
        serial = sum(float(part) for part in text.replace(",", ".").split()) / parts_of_day
        if not FIRST_SERIAL <= serial <= LAST_SERIAL:
            raise ValueError(text)
        # The number has no more digits than for some microseconds.
        return (first * 86_400_000 + round(serial * 86_400_000)) * 1_000_000, False

    return read


def _year(parts: Mapping[str, str]) -> int:
    if "Y" in parts:
        return int(parts["Y"])
    short = int(parts["y"])
    return short + (2000 if short < 69 else 1900)


def _pattern(text: str) -> re.Pattern[str] | None:
    """Return the pattern of a format of digits; None if strptime has to read it.

    Digits on their own may leave out a leading zero, those that follow each other may not.
    """
    tokens = re.findall(r"%.|\s+|.", text, re.DOTALL)
    pattern, codes = "", set()
    for place, token in enumerate(tokens):
        if len(token) == 2 and token[0] == "%":
            code = token[1]
            if code not in _CODES or code in codes:
                return None
            codes.add(code)
            beside = tokens[max(0, place - 1) : place] + tokens[place + 1 : place + 2]
            alone = not any(other[0] == "%" or other.isdigit() for other in beside)
            pattern += _CODES[code].replace("{2}", "{1,2}") if alone else _CODES[code]
        else:
            pattern += r"\s+" if token.isspace() else re.escape(token)
    if not {"m", "d"} <= codes or not codes & {"Y", "y"} or {"Y", "y"} <= codes:
        return None
    return re.compile(pattern, re.ASCII)


def _strptime(written: str, text: str, abbreviations: Mapping[str, int]) -> tuple[int, bool]:
    if "%p" in text:
        written = _HALF_DAY.sub(r"\1m", written)
    if "%f" in text:
        # Python knows six digits; Oracle writes nine.
        written = _LONG_FRACTION.sub(r"\1", written)
    if "%z" in text or "%Z" in text:
        # JavaScript writes the zone's name behind its offset.
        written = _COMMENT.sub("", written)
    if "%Z" in text:
        text, written = text.replace("%Z", "%z"), _with_offset(written, abbreviations)
    moment = datetime.strptime(written, text)
    zoned = moment.tzinfo is not None
    if not zoned:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000, zoned


def _with_offset(written: str, abbreviations: Mapping[str, int]) -> str:
    """Replace the last known abbreviation of a zone by its offset: strptime knows only UTC."""
    for found in reversed(list(_ABBREVIATION.finditer(written))):
        if found[0] in abbreviations:
            minutes = abbreviations[found[0]] // 60
            offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
            return written[: found.start()] + offset + written[found.end() :]
    return written


def _zone_offset(zone: str, abbreviations: Mapping[str, int]) -> int:
    """Return the seconds that a zone is ahead of UTC."""
    if zone in ("Z", "z"):
        return 0
    found = _OFFSET.fullmatch(zone)
    if found is None:
        if zone not in abbreviations:
            raise ValueError(zone)
        return abbreviations[zone]
    seconds = int(found[2]) * 3_600 + int(found[3] or 0) * 60
    return -seconds if found[1] == "-" else seconds


def _ns(
    year: int,
    month: int,
    day: int,
    hour: str | None,
    minute: str | None,
    second: str | None,
    fraction: str | None,
) -> int:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(year)
    h, m, s = int(hour or 0), int(minute or 0), int(second or 0)
    # Midnight may be written as the end of the day before, a leap second as the 60th.
    if m > 59 or s > 60 or h > 24 or (h == 24 and (m or s)):
        raise ValueError(hour)
    days = date(year, month, day).toordinal() - EPOCH_DAY
    parts = int((fraction or "")[:9].ljust(9, "0"))
    return ((days * 24 + h) * 3_600 + m * 60 + s) * NS_PER_SECOND + parts


DEFAULT_ABBREVIATIONS = {name: hours * 3_600 for name, hours in OFFSETS.items()}

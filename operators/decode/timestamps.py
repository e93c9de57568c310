"""Event times: the times of messages as int64 nanoseconds since 1970."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np

from engine.domain.batch import NO_TIME, Int64s
from engine.domain.mapping import EXCEL_FORMATS, TimeField
from engine.domain.time_units import NS_PER_DAY, NS_PER_UNIT
from operators.decode.columns import listed
from operators.decode.local_times import LocalTimes
from operators.decode.reading import Column
from operators.decode.written_times import (
    DEFAULT_ABBREVIATIONS,
    EPOCH_DAY,
    FIRST_YEAR,
    LAST_YEAR,
    Written,
    excel,
    iso_8601,
    rfc2822,
    strptime,
)
from operators.decode.yearless_times import LEAP_YEAR, in_its_year

LIMIT_NS = 2**63 - 1
LONGEST_SPAN_NS = 36_600 * NS_PER_DAY
UNREADABLE = NO_TIME
"""A time that cannot be read, in a column."""
LONGEST_TEXT_CHARS = 100
_FIRST_YEAR, _LAST_YEAR = str(FIRST_YEAR), str(LAST_YEAR)
_DIGITS = re.compile(r"\s*-?[0-9]{1,30}\s*", re.ASCII)
_DOT_NET = re.compile(r"\s*/Date\((-?[0-9]{1,19})(?:[+-][0-9]{4})?\)/\s*", re.ASCII)
"""Milliseconds as .NET writes them in JSON; the zone behind says where they were written."""
_DECIMAL = re.compile(r"\s*-?[0-9]{1,30}\.[0-9]{0,30}\s*", re.ASCII)


class TimeReader:
    """Reads columns of times as written. A row whose text is complete is read alone."""

    def __init__(self, time: TimeField) -> None:
        self._time = time
        self._local = LocalTimes(time.zone) if time.zone else None
        known = self._local.abbreviations if self._local else DEFAULT_ABBREVIATIONS
        self._is_iso = time.format == "iso8601"
        self._written: Written = iso_8601(known)
        self._factor = NS_PER_UNIT[time.unit or "s"]
        self._shift = _shift(time.since, self._factor)
        self._text: Callable[[Any], str] = _as_text
        if time.format in EXCEL_FORMATS:
            self._written, self._text = excel(str(time.format)), _as_number_text
        elif time.format == "rfc2822":
            self._written = rfc2822
        elif time.format is not None and not self._is_iso:
            form = time.format if time.names_year else f"%Y {time.format}"
            self._written = strptime(form, known)
        if not time.names_year:
            self._text = _in_leap_year

    @property
    def ambiguous(self) -> str:
        """The first ambiguous local time, in an hour that is repeated; or an empty text."""
        return self._local.ambiguous if self._local else ""

    def column(
        self,
        written: Column,
        keys: Iterable[str] = repeat(""),
        stamps: Iterable[int] = repeat(NO_TIME),
    ) -> Int64s:
        """Return the times in ns since 1970; UNREADABLE if there is none to be read.

        Args:
            written: the times as they are in the messages.
            keys: the entities of the messages.
            stamps: the messages' own times, ns since 1970; of times without a year, they decide
                which it is.
        """
        if self._time.since == "message":
            return _since(_numbers(listed(written), self._factor, 0), stamps)
        if isinstance(written, np.ndarray):
            if self._time.unit is not None and written.dtype == np.int64:
                times = _scaled_column(written, self._factor, self._shift)
                if times is not None:
                    return times
            written = listed(written)
        if self._time.unit is not None:
            return _numbers(written, self._factor, self._shift)
        if self._is_iso and _are_common(written):
            try:
                return _common(written)
            except (ValueError, UserWarning):
                pass
        if self._local is None and self._time.names_year:
            return np.array([_one(text, self._utc) for text in written], np.int64)
        rows = zip(written, keys, stamps, strict=False)
        return np.array([self._at_home(*row) for row in rows], np.int64)

    def _utc(self, text: Any) -> int:
        return self._written(self._text(text))[0]

    def _at_home(self, text: Any, key: str, stamp: int) -> int:
        if isinstance(text, datetime):
            return of_datetime(text)
        try:
            moment, zoned = self._written(self._text(text))
            if not self._time.names_year:
                moment = in_its_year(moment, int(stamp))
        except (ValueError, TypeError, OverflowError):
            return UNREADABLE
        if zoned or self._local is None:
            return moment
        return self._local.utc(moment, key, stamp)


def together(columns: Sequence[Column]) -> Column:
    """Join several fields of one time by spaces; None if one is missing."""
    if len(columns) == 1:
        return columns[0]
    return [_joined(parts) for parts in zip(*map(listed, columns), strict=True)]


def _joined(parts: tuple[Any, ...]) -> str | None:
    if all(type(part) in (str, int, float) for part in parts):
        return " ".join(map(_as_number_text, parts))
    return None


def _as_text(text: Any) -> str:
    """Return a text; digits alone, such as 20240131, may have come as a number."""
    if type(text) is int and 0 <= text < 10**20:
        return str(text)
    if type(text) is not str or len(text) > LONGEST_TEXT_CHARS:
        raise TypeError
    return text.strip()


def _in_leap_year(text: Any) -> str:
    return f"{LEAP_YEAR} {_as_text(text)}"


def _as_number_text(number: Any) -> str:
    return repr(number) if type(number) is float else _as_text(number)


def _shift(since: str, factor: int) -> int:
    """Return what to add to numbers so that they count from 1970, in their unit."""
    if since in ("epoch", "message"):
        return 0
    days = date.fromisoformat(since).toordinal() - EPOCH_DAY
    return days * NS_PER_DAY // factor


def _numbers(column: Column, factor: int, shift: int) -> Int64s:
    if set(map(type, column)) == {int}:
        integers = _integers(column)
        times = None if integers is None else _scaled_column(integers, factor, shift)
        if times is not None:
            return times
    scaled = partial(_scaled, factor=factor, shift=shift)
    return np.array([_one(number, scaled) for number in column], np.int64)


def _since(spans: Int64s, stamps: Iterable[int]) -> Int64s:
    """Return the times that lie spans of ns after those of their messages."""
    begins = np.fromiter(stamps, np.int64, len(spans))
    readable = (spans != UNREADABLE) & (begins != NO_TIME) & (np.abs(spans) <= LONGEST_SPAN_NS)
    return np.where(readable, begins + np.where(readable, spans, 0), UNREADABLE)


def _scaled_column(numbers: Int64s, factor: int, shift: int) -> Int64s | None:
    """Return numbers in ns; None if one is beyond what fits."""
    most = LIMIT_NS // factor
    least, most = max(-LIMIT_NS, -most - shift), min(LIMIT_NS, most - shift)
    # Not by abs(): that of the least number is itself.
    fits = (least <= numbers) & (numbers <= most)
    return (numbers + shift) * factor if fits.all() else None


def _integers(column: Column) -> Int64s | None:
    try:
        return np.array(column, np.int64)
    except OverflowError:
        return None


def _scaled(number: Any, factor: int, shift: int) -> int:
    if type(number) is str:
        if _DIGITS.fullmatch(number):
            number = int(number)
        elif _DECIMAL.fullmatch(number):
            number = float(number)
        elif found := _DOT_NET.fullmatch(number):
            return int(found[1]) * NS_PER_UNIT["ms"]
    # Multiplied by a million, a list would become a very long list.
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise TypeError
    return round((number + shift) * factor)


def _common(column: Column) -> Int64s:
    """Read the form that most producers write, all rows at once.

    Raises:
        ValueError, UserWarning: one is of another form.
    """
    with warnings.catch_warnings():
        # numpy warns of a second zone before the Z, and would ignore it.
        warnings.simplefilter("error", UserWarning)
        stamps = np.array([text[:-1] for text in column], "datetime64[ns]")
    return stamps.astype(np.int64)


def of_datetime(moment: datetime) -> int:
    """Return a time of CBOR or MessagePack, which is not a text. UTC if it has no zone."""
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    since = zoned - datetime(1970, 1, 1, tzinfo=UTC)
    found = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
    return found if -LIMIT_NS <= found <= LIMIT_NS else UNREADABLE


def _are_common(column: Column) -> bool:
    """Return whether all are of the form that most producers write.

    Texts of one length, of this century, are looked at all at once.
    """
    try:
        joined, lengths = "".join(column), set(map(len, column))
    except TypeError:
        return False
    if len(lengths) == 1:
        length, n = lengths.pop(), len(column)
        if 20 <= length <= 30 and joined[::length] == "2" * n and joined[1::length] == "0" * n:
            ends_in_zone = joined[length - 1 :: length] == "Z" * n
            has_point = "." in joined[length - 2 :: length]
            return ends_in_zone and not has_point and joined[10::length] == "T" * n
    return all(map(_is_common, column))


def _is_common(text: Any) -> bool:
    return (
        type(text) is str
        and 20 <= len(text) <= 30
        and text[-1] == "Z"
        and text[-2] != "."
        and text[10] == "T"
        and _FIRST_YEAR <= text[:4] <= _LAST_YEAR
    )


def _one(written: Any, read: Callable[[Any], int]) -> int:
    if isinstance(written, datetime):
        return of_datetime(written)
    try:
        time = read(written)
    except (ValueError, TypeError, OverflowError):
        return UNREADABLE
    return time if -LIMIT_NS <= time <= LIMIT_NS else UNREADABLE

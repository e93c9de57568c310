"""Event times: what a message says of its time, as int64 nanoseconds since 1970."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from engine.domain.batch import NO_TIME, Int64s
from engine.domain.mapping import TimeField
from engine.domain.time_units import NS

LIMIT = 2**63 - 1
UNREADABLE = NO_TIME
"""Stands in a column for a time that cannot be read."""

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(?:Z|z|([+-])(\d\d):?(\d\d))?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = "1678", "2261"


def time_reader(time: TimeField) -> Callable[[list[Any]], Int64s]:
    """Return a function from a column of times as written to int64 [n] ns since 1970.

    What cannot be read becomes `UNREADABLE`. Each row is read alone: its neighbours do not matter.
    """
    if time.unit is not None:
        factor = NS[time.unit]
        return lambda column: _numbers(column, factor)
    if time.format == "iso8601":
        return _iso_column
    written = time.format or ""
    return lambda column: _each(column, lambda text: _strptime(text, written))


def _numbers(column: list[Any], factor: int) -> Int64s:
    if set(map(type, column)) == {int}:
        try:
            times = np.array(column, np.int64)
        except OverflowError:
            return _each(column, lambda number: _scaled(number, factor))
        if np.abs(times).max(initial=0) <= LIMIT // factor:
            return times * factor
    return _each(column, lambda number: _scaled(number, factor))


def _scaled(number: Any, factor: int) -> int:
    # A list times a million would be a very long list.
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise TypeError
    return round(number * factor)


def _iso_column(column: list[Any]) -> Int64s:
    if all(map(_is_common, column)):
        try:
            with warnings.catch_warnings():
                # Of a second zone before the Z, which numpy would take for none.
                warnings.simplefilter("error", UserWarning)
                stamps = np.array([text[:-1] for text in column], "datetime64[ns]")
        except (ValueError, UserWarning):
            return _each(column, _iso)
        return stamps.astype(np.int64)
    return _each(column, _iso)


def _is_common(text: Any) -> bool:
    return (
        type(text) is str
        and 20 <= len(text) <= 30
        and text[-1] == "Z"
        and text[-2] != "."
        and text[10] == "T"
        and _FIRST_YEAR <= text[:4] <= _LAST_YEAR
    )


def _iso(text: str) -> int:
    found = _ISO.fullmatch(text)
    if found is None or not _FIRST_YEAR <= text[:4] <= _LAST_YEAR:
        raise ValueError(text)
    day, clock, sign, hours, minutes = found.groups()
    stamp = np.datetime64(f"{day}T{clock.replace(',', '.')}", "ns")
    offset = 0
    if sign:
        offset = (int(hours) * 60 + int(minutes)) * 60 * NS["s"] * (-1 if sign == "-" else 1)
    return int(stamp.astype(np.int64)) - offset


def _strptime(text: str, written: str) -> int:
    moment = datetime.strptime(text, written)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def _each(column: list[Any], read: Callable[[Any], int]) -> Int64s:
    return np.array([_one(written, read) for written in column], np.int64)


def _one(written: Any, read: Callable[[Any], int]) -> int:
    try:
        time = read(written)
    except (ValueError, TypeError, OverflowError, AttributeError):
        return UNREADABLE
    return time if -LIMIT <= time <= LIMIT else UNREADABLE

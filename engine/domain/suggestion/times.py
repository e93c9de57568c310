"""Fields that can be the time of events, and how they are written."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.domain.path import Path, path_text
from engine.domain.suggestion.fields import NUMBER, Field, is_number
from engine.domain.suggestion.names import PASSED_ON, is_time

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
FIRST_SECOND, LAST_SECOND = 946_684_800, 4_102_444_800
"""Of the years 2000 to 2100: numbers between are taken for times."""
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d.%m.%y",
         "%d/%m/%y", "%m/%d/%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%Y%m%d")  # fmt: skip
CLOCKS = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M %p", "%H.%M.%S", "%H%M%S")
OTHERS = ("%a, %d %b %Y %H:%M:%S %z", "%d/%b/%Y:%H:%M:%S %z", "%d/%b/%Y:%H:%M:%S.%f",
          "%d/%b/%Y:%H:%M:%S", "%a %b %d %H:%M:%S %Y",
          "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y-%m-%d-%H.%M.%S", "%b %d %H:%M:%S",
          "%a %b %d %H:%M:%S %Z %Y")  # fmt: skip
DIGITS = {"%Y%m%d%H%M%S": 14, "%Y%m%d%H%M": 12, "%Y%m%d": 8, "%H%M%S": 6}
"""Letters of times that are digits alone."""
JOINED = re.compile(r"[0-9]T[0-9]")
"""Of dates that ISO 8601 does not know, with its letter before the hour."""
ZONED = re.compile(r"(?<=[0-9M])( ?)(?:([+-][0-9]{2}:?[0-9]{2}|Z)|(z|UTC|GMT))$")
"""Of an offset, or of what says that it is none."""
ISO = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ][0-9]{2}(:?[0-9]{2}|$)", re.IGNORECASE)
"""How they begin: Python takes any sign between date and hour."""
ABBREVIATION = re.compile(r"\b[A-Z]{3,5}(?= [0-9]{4}$)")
"""Of a zone, before the year."""
DOT_NET = re.compile(r"/Date\(-?[0-9]+([+-][0-9]{4})?\)/")
"""Of milliseconds as .NET and SAP write them."""
INTERVAL = re.compile(r"\s+[-\u2013]\s+(?=[0-9])")
"""The dash of an interval, of which the begin is read."""
NEAR_SECONDS = 86_400
"""Times of an event, such as of its gateway, are closer; numbers that look like a time are not."""
Spec = dict[str, Any]
Rank = tuple[bool, bool, bool, bool, int, int]


def time_of(fields: Mapping[Path, Field], array: Path | None) -> tuple[Spec, set[Path]] | None:
    """Return the time as the pipeline file describes it, and its fields; None if there is none.

    Of several, one comes first whose name says so, that is not the same everywhere, that is
    in the elements of the array, that is not of a server, that is not deep, and that changes most.
    """
    found: list[tuple[Rank, Spec, set[Path]]] = []
    for field in fields.values():
        if field.is_always_there and (spec := _spec(field.found)):
            whole = {"path": path_text(field.path), **spec}
            found.append((_rank(field, array), whole, {field.path}))
    if not any(rank[0] for rank, _, _ in found):
        found += _of_two(list(fields.values()))
    if not found:
        return None
    _, spec, paths = max(found, key=lambda one: one[0])
    return spec, paths


def at_one_moment(fields: Mapping[Path, Field], spec: Spec | None, paths: set[Path]) -> bool:
    """Return whether all events are of one second."""
    found = [value for path in paths for value in fields[path].found]
    if spec is None or len(paths) != 1:
        return False
    if unit := spec.get("unit"):
        if any(_seconds(value, spec) is None for value in found):
            return False
        numbers = [float(value) for value in found]
        return max(numbers) - min(numbers) < UNITS[unit]
    return len({str(value)[: len("2026-01-01T00:00:00")] for value in found}) == 1


def are_near(
    field: Field, fields: Mapping[Path, Field], spec: Mapping[str, Any], paths: set[Path]
) -> bool:
    """Return whether the numbers of a field are times within a day of those of the events."""
    if not field.found or not (own := _unit(field.found) if _are_numbers(field.found) else None):
        return False
    times = [_seconds(value, spec) for path in paths for value in fields[path].column]
    if len(times) != len(field.column) or None in times:
        return False
    values = [None if one is None else _seconds(one, own) for one in field.column]
    pairs = zip(values, times, strict=True)
    return all(abs(one - at) < NEAR_SECONDS for one, at in pairs if one is not None and at)


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(map(is_number, values))


def _seconds(value: Any, spec: Mapping[str, Any]) -> float | None:
    """Return a time in seconds; None if it is written in another way than these."""
    try:
        if unit := spec.get("unit"):
            return float(value) / UNITS[unit]
        if spec.get("format") == "iso8601":
            time = datetime.fromisoformat(value)
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        pass
    return None


def is_text_of_a_time(text: str) -> bool:
    """Return whether a text is a time."""
    return _spec([text]) is not None or any(_written([text], forms) for forms in (DATES, CLOCKS))


def is_time_of_values(values: Sequence[Any]) -> bool:
    """Return whether all of some values are times."""
    return _spec(values) is not None or all(isinstance(v, str) and _is_date(v) for v in values)


def is_written_time(field: Field) -> bool:
    """Return whether a field can be a time, by its values."""
    return _spec(field.found) is not None


def _rank(field: Field, array: Path | None) -> Rank:
    in_array = bool(array) and field.path[: len(array or ())] == array
    is_own = not PASSED_ON.search(field.name)
    return (
        is_time(field.name),
        field.distinct > 1,
        in_array,
        is_own,
        -len(field.path),
        field.distinct,
    )


def _of_two(
    fields: Sequence[Field],
) -> list[tuple[Rank, Spec, set[Path]]]:
    """Return times of which the date is in one field and the hour in another."""
    always = [field for field in fields if field.is_always_there]
    dates = [(one, fmt) for one in always if (fmt := _written(one.found, DATES))]
    clocks = [(one, fmt) for one in always if (fmt := _written(one.found, CLOCKS))]
    for (date, of_date), (clock, of_clock) in itertools.product(dates, clocks):
        if date is clock:
            continue
        path = [path_text(date.path), path_text(clock.path)]
        spec = {"path": path, "format": f"{of_date} {of_clock}"}
        return [((True, True, False, True, 0, 0), spec, {date.path, clock.path})]
    return []


def _spec(found: Sequence[Any]) -> Spec | None:
    """Return how times are written; None if they are none."""
    if all(isinstance(value, str) for value in found):
        if all(map(_is_iso, found)):
            return {"format": "iso8601"}
        if found and all(map(DOT_NET.fullmatch, found)):
            return {"unit": "ms"}
        is_digits = all(NUMBER.fullmatch(value) for value in found)
        if is_digits and (spec := _unit([float(value) for value in found])):
            return spec
        form = _written(found, _whole_forms(found[0])) if found else None
        return {"format": form} if form else None
    return _unit(found) if all(map(is_number, found)) else None


def _unit(found: Sequence[float]) -> Spec | None:
    for unit, parts in UNITS.items():
        if all(FIRST_SECOND <= value / parts <= LAST_SECOND for value in found):
            return {"unit": unit}
    return None


def _written(found: Sequence[Any], formats: Sequence[str]) -> str | None:
    """Return the format of texts; of several that of the times that lie closest together."""
    if not all(isinstance(value, str) and 4 < len(value) < 60 for value in found):
        return None
    spans = []
    for form in formats:
        times = [time for value in found[:1] if (time := _parsed(value, form))]
        if times:
            times = [time for value in found if (time := _parsed(value, form))]
        if len(times) == len(found) and times:
            seconds = [time.replace(tzinfo=None) for time in times]
            spans.append((max(seconds) - min(seconds), form))
    return min(spans, key=lambda one: one[0])[1] if spans else None


def _whole_forms(text: str) -> tuple[str, ...]:
    """Return the formats of a date with an hour, joined and ended as a text is."""
    between = "T" if JOINED.search(text) else " "
    zoned = ZONED.search(text)
    end = zoned[1] + ("%z" if zoned[2] else zoned[3]) if zoned else ""
    return (*(f"{date}{between}{clock}{end}" for date in DATES for clock in CLOCKS), *OTHERS)


def _parsed(text: str, form: str) -> datetime | None:
    # Python takes a month, or an hour, of one digit as well.
    if text.isdigit() and len(text) != DIGITS.get(form, len(text)):
        return None
    text = INTERVAL.split(text, maxsplit=1)[0]
    # Python knows the abbreviations of the zone of this machine alone.
    known = ABBREVIATION.sub("UTC", text) if "%Z" in form else text
    try:
        return datetime.strptime(known, form)
    except ValueError:
        return None


def _is_date(text: str) -> bool:
    return _written([text], DATES) is not None


def _is_iso(text: str) -> bool:
    if not ISO.match(text):
        return False
    try:
        # Of an interval its begin is read.
        datetime.fromisoformat(text.partition("/")[0].removesuffix(" UTC"))
    except ValueError:
        return False
    # A date alone, or digits, are more often something else.
    return len(text) > len("2026-01-01")

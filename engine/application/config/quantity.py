"""Quantities as people write them: durations, sizes and rates."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from engine.application.config.issues import invalid

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
PER_DAY = {"hour": 24.0, "day": 1.0, "week": 1 / 7}
LONGEST = timedelta(days=36_500)
"""Longer durations would leave the range of int64 nanoseconds when added to a time."""

NUMBER = r"\d+(?:\.\d+)?"
DURATION = rf"^{NUMBER}\s*({'|'.join(SECONDS)})$"
SIZE = rf"^{NUMBER}\s*({'|'.join(BYTES)})$"
RATE = rf"^{NUMBER}\s*/\s*({'|'.join(PER_DAY)})$"


def parse_duration(value: object) -> timedelta:
    """Read "10s", "500ms", "1.5h", "3d"; a unit is required."""
    if isinstance(value, timedelta):
        return value
    unit = _unit(DURATION, value)
    if unit is None:
        raise invalid(f"expected a duration with its unit ({', '.join(SECONDS)}), such as 10s")
    seconds = _number(value) * SECONDS[unit]
    if seconds > LONGEST.total_seconds():
        raise invalid(f"expected a duration of at most {LONGEST.days}d")
    return timedelta(seconds=seconds)


def parse_positive_duration(value: object) -> timedelta:
    """Read a duration that is more than nothing."""
    duration = parse_duration(value)
    if duration < timedelta(microseconds=1):
        raise invalid("expected a duration of more than 0s")
    return duration


def parse_size(value: object) -> int:
    """Read "1MiB", "64kB", or a whole number of bytes; at least 1."""
    unit = _unit(SIZE, value)
    if unit is not None:
        size = int(_number(value) * BYTES[unit])
    elif isinstance(value, int) and not isinstance(value, bool):
        size = value
    else:
        raise invalid(f"expected a size with its unit ({', '.join(BYTES)}), such as 1MiB")
    if not 1 <= size < 2**63:
        raise invalid("expected a size of at least 1 byte that fits in 63 bits")
    return size


def parse_rate(value: object) -> float:
    """Read "2/day", "0.5/hour", "10/week"; return the number per day, more than 0."""
    unit = _unit(RATE, value)
    rate = 0.0 if unit is None else _number(value) * PER_DAY[unit]
    if unit is None or rate <= 0:
        raise invalid("expected a number more than 0 per hour, day or week, such as 2/day")
    return rate


def nanoseconds(duration: timedelta) -> int:
    """Return a duration in whole nanoseconds."""
    return duration // timedelta(microseconds=1) * 1_000


def _unit(pattern: str, value: object) -> str | None:
    found = re.match(pattern, value) if isinstance(value, str) else None
    return found[1] if found else None


def _number(value: object) -> float:
    found = re.match(NUMBER, str(value))
    return float(found[0]) if found else 0.0


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Duration = Annotated[timedelta, PlainValidator(parse_duration), _schema(DURATION, "10m")]
PositiveDuration = Annotated[
    timedelta, PlainValidator(parse_positive_duration), _schema(DURATION, "10s")
]
Rate = Annotated[float, PlainValidator(parse_rate), _schema(RATE, "2/day")]
Size = Annotated[
    int,
    PlainValidator(parse_size),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": SIZE}, {"type": "integer", "minimum": 1}],
            "examples": ["1MiB"],
        }
    ),
]

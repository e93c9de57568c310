"""Fields of an alert, as the API takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from engine.domain.time_units import NS_PER_SECOND

LONGEST_TEXT_CHARS = 200


def labels(given: Mapping[str, str], known: Mapping[str, object]) -> dict[str, str]:
    """Return the labels of an alert: the given ones, and those known of it that are not empty."""
    return {**given, **{name: str(value) for name, value in known.items() if value}}


def shortened(found: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of an alert, each cut to the length that people read."""
    return {name: text[:LONGEST_TEXT_CHARS] for name, text in found.items()}


def nanoseconds(time: timedelta) -> int:
    """Return a span of time in ns."""
    return int(time.total_seconds() * NS_PER_SECOND)


def rfc3339(time: int) -> str:
    """Return a time as the API reads it; one that no calendar has is the nearest that it has."""
    seconds = min(max(time // NS_PER_SECOND, 0), 253_402_300_799)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time % NS_PER_SECOND:09d}Z"

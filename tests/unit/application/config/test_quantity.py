from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from engine.application.config.quantity import (
    BYTES,
    SECONDS,
    nanoseconds,
    parse_duration,
    parse_rate,
    parse_size,
)


@given(st.integers(0, 36_500), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations(number: int, unit: str) -> None:
    duration = parse_duration(f"{number}{unit}")

    assert nanoseconds(duration) == round(number * SECONDS[unit] * 1000) * 10**6


@given(st.integers(1, 10**6), st.sampled_from(sorted(BYTES)))
def test_sizes(number: int, unit: str) -> None:
    assert parse_size(f"{number} {unit}") == number * BYTES[unit]
    assert parse_size(number) == number


@pytest.mark.parametrize(
    ("text", "rate"), [("2/day", 2), ("0.5/hour", 12), ("7 / week", 1), ("1.5/day", 1.5)]
)
def test_rates(text: str, rate: float) -> None:
    assert parse_rate(text) == pytest.approx(rate)


def test_a_duration_is_kept() -> None:
    assert parse_duration(timedelta(seconds=3)) == timedelta(seconds=3)
    assert parse_duration("1w") == timedelta(days=7)


@pytest.mark.parametrize("text", ["-1s", "1", "s", "1s2", "1 S", "", None, True, 3, "1d1h"])
def test_not_durations(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_duration(text)


@pytest.mark.parametrize("text", ["-1B", "1", "MiB", "0B", "0.1B", 0, -1, True, "9999999999TiB"])
def test_not_sizes(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_size(text)


@pytest.mark.parametrize("text", ["2", "2/", "/day", "-1/day", "0/day", "2/days", 2, None])
def test_not_rates(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_rate(text)

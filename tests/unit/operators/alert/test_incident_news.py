"""Which anomalies of an incident are news."""

from __future__ import annotations

import pytest

from engine.domain.alert_policy import Severity
from operators.alert.incidents import Incidents

MINUTE = 60_000_000_000


def news(kinds: list[str], minutes: list[int]) -> list[bool]:
    """Return which of these anomalies of one entity, an event a minute, are news."""
    incidents = Incidents(60 * MINUTE)
    return [
        incidents.place("pump", minute * MINUTE, str(minute), Severity.MINOR, kind, MINUTE).is_news
        for kind, minute in zip(kinds, minutes, strict=True)
    ]


def test_a_spike_that_becomes_a_shift_is_reported_twice() -> None:
    assert news(["spike", "spike", "shift", "shift"], [0, 1, 2, 3]) == [True, False, True, False]


def test_a_spike_that_returns_is_news() -> None:
    assert news(["spike", "spike"], [0, 2]) == [True, True]


@pytest.mark.parametrize("known", ["shift", "burst", "season", "pattern", "stuck"])
def test_a_spike_within_more_than_a_spike_is_no_news(known: str) -> None:
    assert news([known, "spike", "spike"], [0, 1, 5]) == [True, False, False]

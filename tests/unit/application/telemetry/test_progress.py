from __future__ import annotations

import logging
import time

import pytest

from engine.application.telemetry.metrics import Telemetry
from engine.application.telemetry.progress import (
    ProgressLog,
    budget_of,
    counts_of,
)
from engine.domain.alert_policy import Budget
from engine.domain.alert_promise import AlertPromise

BUDGET = AlertPromise(Budget(10.0))


def test_counts_are_sums_over_all_labels() -> None:
    telemetry = Telemetry()
    telemetry.events.inc(10)
    telemetry.rejects.labels("not_json").inc(2)
    telemetry.rejects.labels("tombstone").inc(1)

    found = counts_of(telemetry)

    assert (found.read, found.scored, found.rejects, found.anomalies) == (10, 0, 3, 0)


def test_lines_tell_what_was_done_since_the_last_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pynomaly.progress")
    telemetry = Telemetry()
    telemetry.events.inc(1_000)

    log = ProgressLog(telemetry, BUDGET, seconds=0.2)
    _wait_for_lines(caplog, 1)
    telemetry.events.inc(500)
    _wait_for_lines(caplog, 2)
    log.end("drained")

    lines = [record.getMessage() for record in caplog.records]

    assert lines[0].startswith("in the last 0.2 s: 1,000 messages read, 0 events scored")
    assert any(line.startswith("in the last 0.2 s: 500 messages read") for line in lines[1:])
    assert lines[-1].startswith("drained: 1,500 messages read, 0 events scored")


def test_nothing_is_written_after_the_summary(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pynomaly.progress")

    ProgressLog(Telemetry(), BUDGET, seconds=60).end("the source has ended")

    assert len(caplog.records) == 1


def test_a_budget_is_said_with_the_threshold_in_force() -> None:
    telemetry = Telemetry()
    telemetry.entities.inc(50)
    telemetry.event_rate.inc(72_000 / 86_400)
    telemetry.expected_rate.inc(4.32 / 86_400)

    assert budget_of(telemetry, BUDGET) == (
        "50 entities, 72,000 events a day: an event needs p <= 6e-05; "
        "at most 4.3 false alarms a day are expected"
    )


def test_a_budget_without_rates_says_so() -> None:
    telemetry = Telemetry()
    telemetry.entities.inc(3)

    assert budget_of(telemetry, BUDGET) == "3 entities, whose rates of events are not known yet"


def test_equal_event_times_show_no_rate() -> None:
    telemetry = Telemetry()
    telemetry.entities.inc(2)
    telemetry.event_rate.inc(2e9)

    assert "rates of events are not known: event times are equal" in budget_of(telemetry, BUDGET)


def test_a_budget_while_all_warm_up_says_what_the_threshold_will_be() -> None:
    telemetry = Telemetry()
    telemetry.entities.inc(50)
    telemetry.event_rate.inc(72_000 / 86_400)

    assert "p <= 6.9e-05" in budget_of(telemetry, BUDGET)


def _wait_for_lines(caplog: pytest.LogCaptureFixture, count: int) -> None:
    until = time.monotonic() + 120
    while len(caplog.records) < count:
        assert time.monotonic() < until, "no line was written"
        time.sleep(0.01)

from __future__ import annotations

import logging
import time

import pytest

from engine.application.telemetry.metrics import Telemetry
from engine.application.telemetry.progress import ProgressLog, counts_of


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

    log = ProgressLog(telemetry, seconds=0.2)
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

    ProgressLog(Telemetry(), seconds=60).end("the source has ended")

    assert len(caplog.records) == 1


def _wait_for_lines(caplog: pytest.LogCaptureFixture, count: int) -> None:
    until = time.monotonic() + 30
    while len(caplog.records) < count:
        assert time.monotonic() < until, "no line was written"
        time.sleep(0.01)

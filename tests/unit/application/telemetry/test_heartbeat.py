"""The heartbeat, through a real pipe."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from engine.application.telemetry import heartbeat as heartbeat_module
from engine.application.telemetry.heartbeat import Heartbeat, HeartbeatMonitor


@pytest.fixture
def ends() -> Iterator[tuple[Heartbeat, HeartbeatMonitor]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield Heartbeat(writing), HeartbeatMonitor(reading)
    os.close(reading)
    os.close(writing)


def test_monitor_reads_every_status(ends: tuple[Heartbeat, HeartbeatMonitor]) -> None:
    heartbeat, monitor = ends
    monitor.heard = 0.0
    heartbeat.idle()
    monitor.listen()

    assert monitor.idle
    assert monitor.heard > 0
    heartbeat.waiting()
    monitor.listen()
    assert monitor.idle
    assert not monitor.stored
    heartbeat.stored()
    heartbeat.ask_restart("more partitions")
    heartbeat.failed("two\nlines \ud800")
    monitor.listen()
    assert (monitor.stored, monitor.restart) == (True, "more partitions")
    assert monitor.failed == "two lines ?"


def test_a_reason_that_the_supervisor_lacks_a_part_of_is_known(
    ends: tuple[Heartbeat, HeartbeatMonitor],
) -> None:
    heartbeat, _ = ends

    assert heartbeat.failed("short")
    assert not heartbeat.failed("x" * heartbeat_module.LONGEST_LINE_BYTES)
    assert not Heartbeat().failed("nobody listens")


def test_progress_ends_idle_and_is_rate_limited(
    ends: tuple[Heartbeat, HeartbeatMonitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat, monitor = ends
    monkeypatch.setattr(heartbeat_module, "BEAT_SECONDS", 1e9)
    heartbeat._last = -2e9
    heartbeat.idle()
    heartbeat.progress()
    monitor.listen()

    assert not monitor.idle
    heartbeat.idle()
    heartbeat.progress()
    monitor.listen()
    assert monitor.idle


def test_monitor_that_does_not_read_never_blocks(
    ends: tuple[Heartbeat, HeartbeatMonitor],
) -> None:
    heartbeat, monitor = ends
    for _ in range(200_000):
        heartbeat.stored()
    monitor.listen()

    assert monitor.stored


def test_closed_monitor_never_blocks() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Heartbeat(writing).failed("x")
    os.close(writing)
    Heartbeat().failed("nobody listens")


def test_stopped_process_waits_for_its_supervisor(
    ends: tuple[Heartbeat, HeartbeatMonitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat, monitor = ends
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)

    with pytest.raises(KeyboardInterrupt):
        heartbeat.stopped("asked to stop")
    monitor.listen()
    assert monitor.stopped == "asked to stop"
    Heartbeat().stopped("and goes on where nobody listens")

"""What a process says of its health, as time goes by and things happen."""

from __future__ import annotations

import time

import pytest

from engine.application.cluster.health import Health
from engine.application.ports import RunContext


class Clock:
    """Seconds since now, on the monotonic clock."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def context() -> RunContext:
    return RunContext("p")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(context: RunContext, clock: Clock) -> Health:
    return Health(context, clock)


def test_a_process_that_starts_lives_and_takes_no_work(
    context: RunContext, health: Health, clock: Clock
) -> None:
    context.outages["source"] = "no broker answers"
    clock.passed = 10_000

    assert health.live() == []
    assert health.startup() == health.ready() == ["starting", "source: no broker answers"]


def test_a_process_that_reads_is_ready(context: RunContext, health: Health) -> None:
    context.heartbeat.progress()

    assert health.live() == health.startup() == health.ready() == []


def test_who_has_nothing_to_read_is_ready_however_long(
    context: RunContext, health: Health, clock: Clock
) -> None:
    context.heartbeat.idle()

    assert health.startup() == ["starting"]
    clock.passed = 10_000
    assert health.live() == health.startup() == health.ready() == []


def test_an_outage_is_reported_and_over(context: RunContext, health: Health) -> None:
    context.heartbeat.progress()
    context.outages["sink anomalies"] = "no answer"

    assert health.ready() == ["sink anomalies: no answer"]
    assert health.live() == health.startup() == []
    del context.outages["sink anomalies"]
    assert health.ready() == []


def test_waiting_is_not_hanging_but_not_in_step(
    context: RunContext, health: Health, clock: Clock
) -> None:
    context.heartbeat.progress()
    clock.passed = 40
    context.heartbeat._last = 0.0
    context.heartbeat.waiting()

    assert health.live() == []
    assert health.ready() == ["not in step: the stream has not moved for 40 s"]


def test_work_on_what_was_read_is_progress(
    context: RunContext, health: Health, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.heartbeat.progress()
    later = time.monotonic() + 100
    monkeypatch.setattr("engine.application.telemetry.heartbeat.time.monotonic", lambda: later)
    context.heartbeat.busy()
    monkeypatch.undo()
    clock.passed = 120

    assert health.ready() == []


def test_silence_is_hanging(context: RunContext, health: Health, clock: Clock) -> None:
    context.heartbeat.progress()
    clock.passed = 151

    assert health.live() == ["hung: no sign of progress for 151 s"]


def test_who_drains_takes_no_more_work(context: RunContext, health: Health) -> None:
    context.heartbeat.progress()
    context.draining.set()

    assert health.ready() == ["draining: asked to stop"]
    assert health.live() == []

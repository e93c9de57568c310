"""The pulse, through a real pipe."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from engine.application.telemetry import heartbeat as pulse_module
from engine.application.telemetry.heartbeat import Listener, Pulse


@pytest.fixture
def ends() -> Iterator[tuple[Pulse, Listener]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield Pulse(writing), Listener(reading)
    os.close(reading)
    os.close(writing)


def test_what_is_said_is_heard(ends: tuple[Pulse, Listener]) -> None:
    pulse, listener = ends
    listener.heard = 0.0
    pulse.rest()
    listener.listen()
    assert listener.resting
    assert listener.heard > 0
    pulse.wait()
    listener.listen()
    assert listener.resting
    assert not listener.stored
    pulse.stored()
    pulse.ask_restart("more partitions")
    pulse.failed("two\nlines \ud800")
    listener.listen()
    assert (listener.stored, listener.restart) == (True, "more partitions")
    assert listener.failed == "two lines ?"


def test_a_beat_ends_a_rest_and_is_not_said_too_often(
    ends: tuple[Pulse, Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse, listener = ends
    monkeypatch.setattr(pulse_module, "BEAT_SECONDS", 1e9)
    pulse._last = -2e9
    pulse.rest()
    pulse.beat()
    listener.listen()
    assert not listener.resting
    pulse.rest()
    pulse.beat()
    listener.listen()
    assert listener.resting


def test_a_listener_that_does_not_read_holds_nobody_up(ends: tuple[Pulse, Listener]) -> None:
    pulse, listener = ends
    for _ in range(200_000):
        pulse.stored()
    listener.listen()
    assert listener.stored


def test_a_listener_that_has_gone_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Pulse(writing).failed("x")
    os.close(writing)
    Pulse().failed("nobody listens")


def test_who_is_stopped_waits_to_be_ended_where_somebody_listens(
    ends: tuple[Pulse, Listener], monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse, listener = ends
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        pulse.stopped("asked to stop")
    listener.listen()
    assert listener.stopped == "asked to stop"
    Pulse().stopped("and goes on where nobody listens")

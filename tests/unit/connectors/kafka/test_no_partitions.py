"""A process without partitions: what is reported, and when."""

from __future__ import annotations

import logging

import pytest

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.group_look import Cause
from connectors.kafka.no_partitions import LOOK_SECONDS, NoPartitions
from connectors.kafka.settings import KafkaSourceSettings
from engine.application.ports import RunContext

FAULT = Cause("not_coordinator", "the coordinator could not load")
IDLE = Cause("", "others have all partitions")


class Idle:
    """A process without partitions, and a clock that stands still between looks."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.context = RunContext("p")
        settings = KafkaSourceSettings(brokers="nowhere:9", topic="in")
        errors = BrokerErrors("group", lambda _kind: None)
        self.watch = NoPartitions(settings, self.context, errors, lambda: self.now)

    def look(self, *causes: Cause) -> None:
        """Look at the group once for each cause, which it shows."""
        for cause in causes:
            self.now += LOOK_SECONDS
            self.watch.found(cause)

    def get_partitions(self) -> None:
        """Be given partitions."""
        self.watch.note(lambda: "me", has_some=True)

    def counted(self) -> float:
        """Return how many faults the metric has."""
        counter = self.context.telemetry.source_errors.labels("not_coordinator")
        return float(counter._value.get())


@pytest.fixture
def idle(caplog: pytest.LogCaptureFixture) -> Idle:
    caplog.set_level(logging.INFO, "pynomaly.kafka")
    return Idle()


def test_a_fault_is_a_warning_after_a_minute(idle: Idle, caplog: pytest.LogCaptureFixture) -> None:
    idle.look(FAULT, FAULT)

    assert not caplog.messages
    assert not idle.context.outages

    idle.look(FAULT)

    (said,) = caplog.messages
    assert "no partitions for 60 s: the coordinator could not load. The runbook" in said
    assert caplog.records[0].levelname == "WARNING"
    assert idle.context.outages == {"partitions": "none for 60 s: the coordinator could not load"}
    assert idle.counted() == 1


def test_a_fault_is_repeated_at_growing_intervals(
    idle: Idle, caplog: pytest.LogCaptureFixture
) -> None:
    idle.look(*[FAULT] * 24)

    held = [message.split(" for ")[1].split(" s:")[0] for message in caplog.messages]
    assert held == ["60", "120", "240", "480"]
    assert idle.context.outages["partitions"].startswith("none for 480 s")


def test_a_fault_that_one_look_shows_is_not_reported(
    idle: Idle, caplog: pytest.LogCaptureFixture
) -> None:
    idle.look(*[FAULT, IDLE] * 6)

    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert not idle.context.outages


def test_a_process_that_rightly_waits_says_so_once(
    idle: Idle, caplog: pytest.LogCaptureFixture
) -> None:
    idle.look(*[IDLE] * 10)

    assert caplog.messages == [
        "group: this process waits without partitions: others have all partitions"
    ]
    assert not idle.context.outages


def test_the_end_of_a_fault_is_reported(idle: Idle, caplog: pytest.LogCaptureFixture) -> None:
    idle.look(*[FAULT] * 3)

    idle.get_partitions()
    idle.get_partitions()

    assert caplog.messages[1:] == ["group: this process has partitions again, after 60 s"]
    assert not idle.context.outages


def test_a_fault_of_a_process_that_waited_rightly_is_reported(
    idle: Idle, caplog: pytest.LogCaptureFixture
) -> None:
    idle.look(*[IDLE] * 5, *[FAULT] * 2, IDLE)

    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert not idle.context.outages


def test_a_process_begins_anew_when_it_loses_its_partitions_again(
    idle: Idle, caplog: pytest.LogCaptureFixture
) -> None:
    idle.look(*[FAULT] * 3)
    idle.get_partitions()
    caplog.clear()

    idle.look(FAULT, FAULT)

    assert not caplog.messages

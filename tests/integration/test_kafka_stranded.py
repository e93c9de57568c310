"""A client that has forgotten its brokers, which librdkafka does, is replaced by a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from threading import Thread

import pytest
from confluent_kafka import KafkaException

from connectors.kafka import group_offsets, membership, membership_settings, producer
from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.settings import KafkaSourceSettings
from connectors.kafka.source import KafkaSource
from engine.application.ports import RunContext
from engine.domain.errors import RetryableError, Shutdown
from engine.domain.record import Record
from tests.support.fenced_broker import FencedBroker

PATIENCE = 60.0


@pytest.fixture
def broker() -> Iterator[FencedBroker]:
    with closing(FencedBroker("in")) as made:
        yield made


def settings(broker: FencedBroker) -> KafkaSourceSettings:
    """Return settings with which the client forgets each time, not by chance."""
    chosen = {"metadata.recovery.strategy": "none", "statistics.interval.ms": 200}
    refresh = {"topic.metadata.refresh.interval.ms": 300}
    return KafkaSourceSettings(
        brokers=broker.address, topic="in", group="g", settings={**chosen, **refresh}
    )


def test_a_membership_without_brokers_asks_for_a_restart(broker: FencedBroker) -> None:
    member = membership.GroupMembership(settings(broker), RunContext("p"))

    _strand(broker)

    with pytest.raises(RetryableError, match="group: the client has forgotten all brokers"):
        _call_until(member.owned)
    member.close()


def test_a_membership_whose_group_says_nothing_asks_for_a_restart(
    broker: FencedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "JOIN_SECONDS", 1.0)
    chosen = {"max.poll.interval.ms": 800, "session.timeout.ms": 600, "heartbeat.interval.ms": 200}
    wanted = KafkaSourceSettings(brokers=broker.address, topic="in", group="g", settings=chosen)
    waits = membership.GroupMembership(wanted, RunContext("p"))

    with pytest.raises(RetryableError, match=r"the group has assigned nothing for .* s, though"):
        _call_until(waits.owned)
    waits.close()


def test_a_source_without_brokers_asks_for_a_restart(broker: FencedBroker) -> None:
    consumer = KafkaSource(settings(broker), RunContext("p")).consumer
    consumer.partitions()
    consumer._buffers[0] = []

    _strand(broker, ask=lambda: consumer._consumer.list_topics(timeout=1.0))

    with pytest.raises(RetryableError, match="source: the client has forgotten all brokers"):
        _call_until(lambda: consumer.poll(0))
    consumer.close()


def test_a_sink_without_brokers_asks_for_a_restart(
    broker: FencedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "STRANDED_SECONDS", 0.5)
    chosen: dict[str, str | bool] = {
        "metadata.recovery.strategy": "none",
        "enable.idempotence": False,
    }
    sink = producer.RecordProducer(broker.address, chosen, RunContext("p"), "sink scores")

    _strand(broker, ask=lambda: sink.client.list_topics(timeout=1.0))
    sink.send("in", "scores", Record(b"key", b"value", (), 0, "id"))

    with pytest.raises(RetryableError, match="sink scores: the client has forgotten all brokers"):
        sink.flush()


def test_the_groups_offsets_are_asked_for_by_a_new_client_where_one_has_no_brokers(
    broker: FencedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_offsets, "RENEWED_SECONDS", 0.5)
    context = RunContext("p", shared={membership_settings.SOURCE: ("in", "g")})
    chosen = {"metadata.recovery.strategy": "none"}
    errors = BrokerErrors("state", lambda _name: None)
    offsets = group_offsets.GroupOffsets(broker.address, chosen, context, errors)

    def ask() -> None:
        with suppress(Shutdown):
            offsets.committed("0")

    _strand(broker, ask=lambda: offsets._stable_reader().list_topics(timeout=1.0))
    before, asking = broker.asked, Thread(target=ask)
    asking.start()
    _call_until_true(lambda: broker.asked > before)
    context.draining.set()
    asking.join()

    offsets.close()


def _call_until_true(call: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not call():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def _strand(broker: FencedBroker, ask: Callable[[], object] = lambda: None) -> None:
    """Let a client learn of the broker, and then of none."""
    for fenced in (False, True):
        broker.fenced = fenced
        before, until = broker.asked, time.monotonic() + PATIENCE
        # A client that has forgotten its brokers asks no more.
        while broker.asked == before and time.monotonic() < until:
            with suppress(KafkaException):
                ask()
            time.sleep(0.05)
    broker.fenced = False


def _call_until(call: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        call()
        time.sleep(0.05)

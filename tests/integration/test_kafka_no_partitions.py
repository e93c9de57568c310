"""Processes of a group without partitions, on real brokers."""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from confluent_kafka import Producer

from connectors.kafka import no_partitions
from connectors.kafka.membership import GroupMembership
from connectors.kafka.settings import KafkaSourceSettings
from engine.application.ports import RunContext
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory

PATIENCE = 60.0
PROTOCOLS = ("classic", "consumer")
MEMBER_METADATA = 5
"""Type of the record of __consumer_offsets that describes a member of a group."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(no_partitions, "HELD_SECONDS", 3.0)
    monkeypatch.setattr(no_partitions, "LOOK_SECONDS", 0.5)
    caplog.set_level(logging.INFO, "pynomaly.kafka")


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_process_more_than_partitions_says_once_that_others_have_them(
    kafka: KafkaCluster,
    topic: TopicFactory,
    opened: ExitStack,
    caplog: pytest.LogCaptureFixture,
    protocol: str,
) -> None:
    source = topic(2)
    contexts = [RunContext("p") for _ in range(3)]
    members = [_join(opened, kafka.bootstrap, source, protocol, each) for each in contexts]

    # A process lets partitions go once its dataflow has asked what it has.
    _wait_until(
        lambda: (
            sorted(len(each.owned()) for each in members) == [0, 1, 1]
            and "waits without partitions" in caplog.text
        )
    )
    time.sleep(3 * no_partitions.LOOK_SECONDS)

    said = [each for each in caplog.messages if "without partitions" in each]
    # The first member may have both until the second one gets its own.
    assert 1 <= len(said) <= 2
    assert all(f"of the group {source} have 2 of the 2 partitions" in each for each in said)
    assert not any("partitions" in context.outages for context in contexts)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_coordinator_that_cannot_load_its_groups_is_reported(
    opened: ExitStack, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    broker = opened.enter_context(KafkaBroker())
    broker.create_topic("in")
    with ExitStack() as first:
        _join(first, broker.bootstrap, "in", protocol, RunContext("p"))
        _wait_until(lambda: "partitions of this process now: 0" in caplog.text)
    _spoil_groups(broker)
    broker.kill()
    broker.start()

    context = RunContext("p")
    _join(opened, broker.bootstrap, "in", protocol, context)
    _wait_until(lambda: "partitions" in context.outages)

    assert "it could not load that partition" in context.outages["partitions"]
    _wait_until(lambda: "(NOT_COORDINATOR); look for __consumer_offsets in the logs" in caplog.text)


def test_a_group_without_a_coordinator_is_reported(
    opened: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    # One broker cannot hold three copies.
    broker = opened.enter_context(KafkaBroker(settings={"offsets.topic.replication.factor": "3"}))
    broker.create_topic("in")

    context = RunContext("p")
    _join(opened, broker.bootstrap, "in", "classic", context)
    _wait_until(lambda: "partitions" in context.outages)

    assert "brokers answer, but none coordinates it" in context.outages["partitions"]
    assert "has had no partitions for" in caplog.text


def _join(
    opened: ExitStack, brokers: str, topic: str, protocol: str, context: RunContext
) -> GroupMembership:
    """Join the group that is named as the topic."""
    chosen = KafkaSourceSettings(
        brokers=brokers, topic=topic, group=topic, settings={"group.protocol": protocol}
    )
    return opened.enter_context(closing(GroupMembership(chosen, context)))


def _spoil_groups(broker: KafkaBroker) -> None:
    """Write a record that the coordinator cannot read when it loads its groups."""
    # Brokers take records of an internal topic from a client of this name only.
    names = {"bootstrap.servers": broker.bootstrap, "client.id": "__admin_client"}
    key = struct.pack(">hh", MEMBER_METADATA, 1) + b"g" + struct.pack(">h", 1) + b"m"
    producer = Producer(names)
    producer.produce("__consumer_offsets", key=key, value=b"\0\0\xff\xff")
    assert producer.flush(PATIENCE) == 0


def _wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)

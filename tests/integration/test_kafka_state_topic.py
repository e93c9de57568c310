"""The topic of the state: its limits, its partitions, and changes of it, on a real broker."""

from __future__ import annotations

import secrets
import time

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from confluent_kafka.cimpl import NewPartitions

from connectors.kafka import state_topic, state_topic_check, topic_store
from connectors.kafka.own_topic import topic_config
from engine.domain.errors import ConnectorError, SnapshotError
from tests.integration.state_instances import (
    Instance,
    checkpoint,
    leave_checkpoint,
)
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


def test_a_state_topic_that_was_emptied_is_reported(
    kafka: KafkaCluster,
    topic: TopicFactory,
    instances: list[Instance],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topic_store, "MARKER_SECONDS", 1.0)
    source, out = topic(1), topic()
    leave_checkpoint(Instance(kafka, source, out), instances)
    kafka.delete_topic(f"{source}-state")

    second = Instance(kafka, source, out)
    instances.append(second)
    second.wait_for("0")

    with pytest.raises(SnapshotError, match=r"checkpoint 1 of partition 0 is missing"):
        second.store.load("0")


def test_a_state_topic_is_made_for_records_of_the_usual_size_whatever_brokers_allow(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source = topic(1)
    one = Instance(kafka, source, topic())
    instances.append(one)
    one.wait_for("0")

    one.store.load("0")

    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    found = topic_config(admin, f"{source}-state", "configuration")
    assert found["max.message.bytes"] == "1048588"


def test_a_state_topic_whose_records_would_not_fit_is_refused(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source, out = topic(1), topic()
    small = {"cleanup.policy": "compact", "max.message.bytes": "500"}
    kafka.create_topic(f"{source}-state", 1, small)
    one = Instance(kafka, source, out)
    instances.append(one)
    one.wait_for("0")

    with pytest.raises(ConnectorError, match=r"max.message.bytes 500.*Set it to 1048588"):
        one.store.load("0")


def test_brokers_with_small_limits_take_state_of_any_size() -> None:
    limits = {"message.max.bytes": "20000", "transaction.max.timeout.ms": "6000"}
    with KafkaBroker(settings=limits) as small:
        for name in ("in", "out"):
            small.create_topic(name)
        small.create_topic("in-state", 1, {"cleanup.policy": "compact"})
        first, blob = Instance(small, "in", "out"), secrets.token_bytes(300_000)
        first.wait_for("0")
        first.store.load("0")
        first.open()
        first.save(checkpoint("0", 5, blob))
        first.close()

        second = Instance(small, "in", "out")
        second.wait_for("0")
        stored = second.store.load("0")
        second.close()

    assert stored is not None
    assert (stored.position, stored.snapshot["detect"]) == (5, blob)


def test_a_state_record_that_is_refused_is_reported_with_its_cause(
    kafka: KafkaCluster,
    topic: TopicFactory,
    instances: list[Instance],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(state_topic, "LEAST_LIMIT_BYTES", 0)
    source, out = topic(1), topic()
    small = {"cleanup.policy": "compact", "max.message.bytes": "500"}
    kafka.create_topic(f"{source}-state", 1, small)
    one = Instance(kafka, source, out)
    instances.append(one)
    one.wait_for("0")
    one.store.load("0")
    one.open()

    # In pieces so small that the first one is refused while others are still written.
    with pytest.raises(ConnectorError, match=r"refused by topic .*Message size too large"):
        one.save(checkpoint("0", 3, b"x" * 20_000))

    assert not [text for text in caplog.messages if "too large; retrying" in text]


def test_a_partition_that_the_source_gets_later_has_its_state_in_a_partition_that_is_added(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source = topic(1)
    one = Instance(kafka, source, topic())
    instances.append(one)
    one.wait_for("0")
    one.store.load("0")
    one.open()
    one.save(checkpoint("0", 3))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_partitions([NewPartitions(source, 3)])[source].result(120)

    before = one.store.load("2")
    one.save(checkpoint("0", 5), checkpoint("2", 4))

    stored = one.store.read("2")
    assert before is None
    assert kafka.topics()[f"{source}-state"] == 3
    assert stored is not None
    assert stored.position == 4


def test_a_state_topic_that_is_changed_while_a_pipeline_runs_is_reported(
    kafka: KafkaCluster,
    topic: TopicFactory,
    instances: list[Instance],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(state_topic_check, "CHECK_SECONDS", 0.0)
    source = topic(1)
    state = f"{source}-state"
    one = Instance(kafka, source, topic())
    instances.append(one)
    one.wait_for("0")
    one.store.load("0")
    one.open()
    position = 0

    def save_until(message: str) -> None:
        nonlocal position
        until = time.monotonic() + 120
        while message not in caplog.text:
            assert time.monotonic() < until, "nothing is logged"
            position += 1
            one.save(checkpoint("0", position))

    one.save(checkpoint("0", position))
    until = time.monotonic() + 120
    check = one.store._check
    assert check is not None
    while check._known is None:
        assert time.monotonic() < until, "the topic is not asked for"
        one.save(checkpoint("0", position))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    entry = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, state, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(120)
    save_until(f'the state topic "{state}" has cleanup.policy delete now')

    admin.create_partitions([NewPartitions(state, 3)])[state].result(120)
    save_until(f"the state topic {state} has 3 partitions now, not 1")

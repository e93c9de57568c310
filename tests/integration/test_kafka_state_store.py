"""The state store in Kafka, on a real broker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
)

from connectors.kafka import manifest as manifests
from engine.domain.errors import ConnectorError, RetryableError, SnapshotError, TasksLostError
from tests.integration.state_instances import (
    PROTOCOLS,
    Instance,
    await_seen,
    checkpoint,
    leave_checkpoint,
)
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_gives_back_what_was_stored_with_what_was_written(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance], protocol: str
) -> None:
    source, out = topic(2), topic()
    first = Instance(kafka, source, out, protocol)
    instances.append(first)
    first.wait_for("0", "1")

    assert [first.store.load(task) for task in ("0", "1")] == [None, None]
    first.open()
    large = bytes(range(256)) * 5_000

    first.save(checkpoint("0", 0), checkpoint("1", 0))
    first.write(1, 2)
    first.save(checkpoint("0", 10, large), checkpoint("1", 7, None))
    first.write(3)

    await_seen(kafka, out, [1, 2])
    instances.remove(first)
    first.close()
    second = Instance(kafka, source, out, protocol)
    instances.append(second)
    second.wait_for("0", "1")
    second.open()
    stored = second.store.load("0")
    assert stored is not None
    assert (stored.number, stored.position, stored.snapshot_position) == (2, 10, 10)
    assert stored.snapshot == {"detect": large, "alert": b""}
    assert stored.results == 70
    assert stored.identity == {"name": "p"}
    other = second.store.load("1")
    assert other is not None
    assert (other.number, other.position, other.snapshot_position) == (2, 7, 0)
    assert (other.results, other.snapshot_results) == (49, 0)
    assert other.snapshot == {"detect": b"blob", "alert": b""}


def test_old_generations_of_a_snapshot_are_removed(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source, out = topic(1), topic()
    first = Instance(kafka, source, out)
    instances.append(first)
    first.wait_for("0")
    first.store.load("0")
    first.open()

    for position in range(5):
        first.save(checkpoint("0", position, b"%d" % position))

    standing: dict[bytes, bytes | None] = {}
    for message in kafka.read(f"{source}-state", "read_committed"):
        standing[message.key() or b""] = message.value()
    values = [value for value in standing.values() if value is not None]

    assert sorted(value for value in values if len(value) == 1) == [b"3", b"4"]


def test_damage_of_a_stored_record_is_reported_with_its_place(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source, out = topic(2), topic()
    first = Instance(kafka, source, out)
    instances.append(first)
    first.wait_for("0", "1")
    for task in ("0", "1"):
        first.store.load(task)
    first.open()
    first.save(checkpoint("0", 1), checkpoint("1", 1))
    whole = first.store._tasks["1"]
    misplaced = replace(whole.blobs["detect"][0], offset=10_000)
    without = manifests.encode(replace(whole, blobs={"detect": [misplaced], "alert": []}))
    forger = Producer({"bootstrap.servers": kafka.bootstrap})
    forger.produce(f"{source}-state", b"pynomaly-manifest 1 \xff\n{}", b"0/manifest", 0)
    forger.produce(f"{source}-state", without, b"1/manifest", 1)
    forger.flush(120)
    instances.remove(first)
    first.close()

    second = Instance(kafka, source, out)
    instances.append(second)
    second.open()
    second.wait_for("0", "1")

    with pytest.raises(SnapshotError, match=r"-state\[0\]: .* corrupt: its checksum"):
        second.store.load("0")
    with pytest.raises(SnapshotError, match=r"-state\[1\]: 1 records of a snapshot are missing"):
        second.store.load("1")


def test_state_counts_when_the_offsets_of_the_group_have_expired(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source, out = topic(1), topic()
    first = Instance(kafka, source, out)
    instances.append(first)
    first.wait_for("0")
    first.store.load("0")
    first.open()
    first.save(checkpoint("0", 3))
    first.save(checkpoint("0", 8, None))
    instances.remove(first)
    first.close()
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    (deleted,) = admin.delete_consumer_groups([f"pynomaly-{source}"]).values()
    deleted.result(120)

    second = Instance(kafka, source, out)
    instances.append(second)
    second.wait_for("0")
    stored = second.store.load("0")

    assert stored is not None
    assert (stored.position, stored.snapshot_position, stored.number) == (8, 3, 2)


def test_brokers_that_are_away_when_a_task_is_taken_up_are_waited_for(
    fresh_kafka: KafkaBroker, instances: list[Instance]
) -> None:
    for name in ("in", "out"):
        fresh_kafka.create_topic(name)
    first = Instance(fresh_kafka, "in", "out")
    instances.append(first)
    first.wait_for("0")
    fresh_kafka.kill()

    with ThreadPoolExecutor() as pool:
        loading = pool.submit(first.store.load, "0")
        fresh_kafka.start()

        assert loading.result(120) is None


def test_a_checkpoint_that_its_broker_dies_under_is_stored_whole_or_given_up(
    fresh_kafka: KafkaBroker, instances: list[Instance]
) -> None:
    for name in ("in", "out"):
        fresh_kafka.create_topic(name)
    first = Instance(fresh_kafka, "in", "out")
    instances.append(first)
    first.wait_for("0")
    first.store.load("0")
    first.open()
    first.save(checkpoint("0", 0))
    first.write(1)
    fresh_kafka.kill()

    with ThreadPoolExecutor() as pool:
        saving = pool.submit(first.save, checkpoint("0", 5))
        fresh_kafka.start()
        failure = saving.exception(120)

    # Librdkafka may never answer, or the group may have lost us meanwhile.
    assert failure is None or isinstance(failure, RetryableError | TasksLostError)
    instances.remove(first)
    first.close()
    second = Instance(fresh_kafka, "in", "out")
    instances.append(second)
    second.wait_for("0")
    stored = second.store.load("0")
    assert stored is not None
    assert stored.position == 5 or (failure is not None and stored.position == 0)
    await_seen(fresh_kafka, "out", [1] if stored.position == 5 else [])


@pytest.mark.parametrize("name", ["other", "{source}-b"])
def test_state_of_another_pipeline_in_the_topic_is_refused_and_not_removed(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance], name: str
) -> None:
    source, out = topic(1), topic()
    leave_checkpoint(Instance(kafka, source, out, pipeline=name.format(source=source)), instances)
    second = Instance(kafka, source, out)
    instances.append(second)
    second.wait_for("0")

    with pytest.raises(ConnectorError, match=r'holds state of pipeline "p", not of') as loaded:
        second.store.load("0")
    with pytest.raises(ConnectorError) as inspected:
        second.stored.load("0")
    with pytest.raises(ConnectorError) as removed:
        second.store.remove("0")

    assert str(removed.value) == str(inspected.value) == str(loaded.value)
    assert second.store.holds("0")


def test_a_group_that_another_pipeline_stores_its_offsets_in_is_refused(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source, out = topic(1), topic()
    leave_checkpoint(
        Instance(kafka, source, out, pipeline="first", group=f"{source}-group"), instances
    )
    second = Instance(kafka, source, out, pipeline="second", group=f"{source}-group")
    instances.append(second)
    second.wait_for("0")

    with pytest.raises(ConnectorError, match=r'offsets of pipeline "first".*another `source.kafka'):
        second.store.load("0")

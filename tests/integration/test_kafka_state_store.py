"""The state store in Kafka and the membership in the group, on a real broker."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from bytewax.outputs import StatefulSinkPartition
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from confluent_kafka.cimpl import NewPartitions

from connectors.kafka import group_offsets, state_topic, state_topic_check, topic_store
from connectors.kafka import manifest as manifests
from connectors.kafka.own_topic import topic_config
from connectors.kafka.settings import KafkaSinkSettings, KafkaSourceSettings, KafkaStateSettings
from connectors.kafka.sink import KafkaSink
from connectors.kafka.source import KafkaSource
from connectors.kafka.state_store import KafkaStateStore
from connectors.kafka.stored_topic import StoredTopic
from engine.application.ports import RunContext
from engine.application.state.store import Checkpoint
from engine.domain.errors import ConnectorError, RetryableError, SnapshotError, TasksLostError
from engine.domain.record import Record
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory

PROTOCOLS = ("classic", "consumer")


class Instance:
    """One process of a pipeline with its state in Kafka."""

    def __init__(
        self,
        cluster: KafkaCluster,
        source: str,
        out: str,
        protocol: str = "classic",
        member: str | None = None,
        pipeline: str = "",
        group: str | None = None,
    ) -> None:
        self.cluster = cluster
        self.context = RunContext(pipeline or source, exactly_once=True)
        chosen = KafkaStateSettings(brokers=cluster.bootstrap, topic=f"{source}-state")
        plugin = KafkaStateStore(chosen, self.context)
        settings = {"group.protocol": protocol}
        if protocol == "classic":
            settings |= {"session.timeout.ms": "6000", "heartbeat.interval.ms": "1000"}
        if member is not None:
            settings["group.instance.id"] = member
        wanted = KafkaSourceSettings(
            brokers=cluster.bootstrap, topic=source, group=group, settings={**settings}
        )
        self.source = KafkaSource(wanted, self.context)
        self.store = plugin.store()
        self.stored = StoredTopic(chosen, self.context, self.store)
        sink = KafkaSinkSettings(brokers=cluster.bootstrap, topic=out)
        self._sink = KafkaSink(sink, self.context, "anomalies").sink()
        self.membership = self.source.membership()
        self.part: StatefulSinkPartition[list[Record], Any] | None = None

    def open(self) -> None:
        self.part = self._sink.build_part("anomalies", "0", [])

    def wait_for(self, *tasks: str) -> None:
        until = time.monotonic() + 60
        while self.membership.owned() != frozenset(tasks):
            assert time.monotonic() < until, f"it has {self.membership.owned()}, not {tasks}"
            time.sleep(0.05)

    def write(self, *numbers: int) -> None:
        assert self.part is not None
        self.part.write_batch([[Record(b"k", b"%d" % n, (), 0, str(n)) for n in numbers]])

    def save(self, *checkpoints: Checkpoint) -> None:
        assert self.part is not None
        self.store.save(checkpoints, {"anomalies": self.part.snapshot()})

    def close(self) -> None:
        if self.part is not None:
            self.part.close()
        self.store.close()
        self.membership.close()


def checkpoint(task: str, position: int, blob: bytes | None = b"blob") -> Checkpoint:
    snapshot = None if blob is None else {"detect": blob, "alert": b""}
    return Checkpoint(task, position, snapshot, None, position * 7, 2, {"name": "p"})


def leave_checkpoint(one: Instance, instances: list[Instance]) -> None:
    """Store a checkpoint of partition 0, and close."""
    instances.append(one)
    one.wait_for("0")
    one.store.load("0")
    one.open()
    one.save(checkpoint("0", 3))
    instances.remove(one)
    one.close()


@pytest.fixture
def instances(kafka: KafkaCluster, topic: TopicFactory) -> Iterator[list[Instance]]:
    """Two processes of a pipeline that have not joined yet are made by the test; closed here."""
    made: list[Instance] = []
    yield made
    for instance in made:
        instance.close()


def seen(cluster: KafkaCluster, out: str) -> list[int]:
    return [int(message.value() or b"") for message in cluster.read(out, "read_committed")]


def await_seen(cluster: KafkaCluster, out: str, wanted: list[int]) -> None:
    until = time.monotonic() + 30
    while seen(cluster, out) != wanted and time.monotonic() < until:
        time.sleep(0.1)
    assert seen(cluster, out) == wanted


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


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_second_instance_gets_its_part_once_the_first_has_let_it_go(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance], protocol: str
) -> None:
    source, out = topic(2), topic()
    first = Instance(kafka, source, out, protocol)
    instances.append(first)
    first.wait_for("0", "1")
    for task in ("0", "1"):
        first.store.load(task)
    first.open()
    first.save(checkpoint("0", 0), checkpoint("1", 0))

    second = Instance(kafka, source, out, protocol)
    instances.append(second)
    until = time.monotonic() + 60
    while len(kept := first.membership.owned()) == 2:
        assert time.monotonic() < until, "it is not asked to let go"
        time.sleep(0.02)

    assert not first.membership.settled()
    assert second.membership.owned() == frozenset()
    (given,) = {"0", "1"} - kept
    first.write(1)
    first.save(checkpoint("0", 5), checkpoint("1", 5))
    first.membership.released([given])
    first.store.release([given])

    second.wait_for(given)
    stored = second.store.load(given)
    assert stored is not None
    assert stored.position == 5
    second.open()
    second.write(2)
    second.save(checkpoint(given, 6, None))
    first.write(3)
    first.save(checkpoint(next(iter(kept)), 6))
    await_seen(kafka, out, [1, 2, 3])


def test_a_process_whose_partitions_were_given_to_others_publishes_nothing_of_them(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source, out = topic(1), topic()
    zombie = Instance(kafka, source, out)
    instances.append(zombie)
    zombie.wait_for("0")
    zombie.store.load("0")
    zombie.open()
    zombie.save(checkpoint("0", 0))
    zombie.write(1)
    # It is stopped: its member sends no heartbeats.
    zombie.membership._closing = True
    zombie.membership._thread.join(60)

    second = Instance(kafka, source, out)
    instances.append(second)
    second.wait_for("0")

    assert second.store.load("0") is not None
    second.open()
    second.write(1)
    second.save(checkpoint("0", 9))

    with pytest.raises((RetryableError, ConnectorError), match=r"group|fenced"):
        zombie.save(checkpoint("0", 9))
    await_seen(kafka, out, [1])


def test_a_commit_left_half_done_is_ended_by_the_next_owner(
    kafka: KafkaCluster,
    topic: TopicFactory,
    instances: list[Instance],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group_offsets, "PENDING_SECONDS", 0.5)
    source, out = topic(1), topic()
    dead = Instance(kafka, source, out)
    instances.append(dead)
    dead.wait_for("0")
    dead.store.load("0")
    dead.open()
    dead.save(checkpoint("0", 3))
    dead.write(1)
    transaction = dead.store._transaction
    transaction.flush()
    _, offsets = dead.store._write([checkpoint("0", 9)], {})
    client = transaction.producer.client
    client.send_offsets_to_transaction(offsets, dead.membership.metadata(), 30)
    dead.membership.close()

    second = Instance(kafka, source, out)
    instances.append(second)
    second.wait_for("0")
    stored = second.store.load("0")

    assert stored is not None
    assert stored.position == 3
    second.open()
    second.write(1)
    second.save(checkpoint("0", 9))
    await_seen(kafka, out, [1])


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
    forger.flush(30)
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


def test_a_task_that_comes_back_to_the_same_group_generation_is_stored_again(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance]
) -> None:
    source, out = topic(2), topic()
    first = Instance(kafka, source, out)
    instances.append(first)
    first.wait_for("0", "1")
    for task in ("0", "1"):
        first.store.load(task)
    first.open()
    first.save(checkpoint("0", 0), checkpoint("1", 0))
    first.write(1)
    stale = first.membership.metadata()

    second = Instance(kafka, source, out)
    instances.append(second)
    with ThreadPoolExecutor() as pool:
        joining = pool.submit(second.wait_for)
        while len(first.membership.owned()) == 2:
            time.sleep(0.02)
        real = first.membership.metadata
        answers = iter([stale, stale])
        first.membership.metadata = lambda: next(answers, None) or real()  # type: ignore[method-assign]
        first.save(checkpoint("0", 4), checkpoint("1", 4))
        joining.result(60)

    await_seen(kafka, out, [1])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_static_member_that_is_restarted_moves_no_partition(
    kafka: KafkaCluster, topic: TopicFactory, instances: list[Instance], protocol: str
) -> None:
    source, out = topic(4), topic()
    first = Instance(kafka, source, out, protocol, member="host-a")
    instances.append(first)
    first.wait_for("0", "1", "2", "3")
    second = Instance(kafka, source, out, protocol, member="host-b")
    instances.append(second)
    until = time.monotonic() + 60
    while len(second.membership.owned()) != 2:
        assert time.monotonic() < until, "the second one gets no share"
        first.membership.owned()
        time.sleep(0.05)
    kept, moved = first.membership.owned(), second.membership.owned()
    instances.remove(second)
    second.close()

    again = Instance(kafka, source, out, protocol, member="host-b")
    instances.append(again)
    again.wait_for(*moved)

    assert first.membership.owned() == kept
    assert first.membership.losses == 0


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
    deleted.result(30)

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
    admin.create_partitions([NewPartitions(source, 3)])[source].result(30)

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
        until = time.monotonic() + 60
        while message not in caplog.text:
            assert time.monotonic() < until, "nothing is logged"
            position += 1
            one.save(checkpoint("0", position))

    one.save(checkpoint("0", position))
    until = time.monotonic() + 60
    check = one.store._check
    assert check is not None
    while check._known is None:
        assert time.monotonic() < until, "the topic is not asked for"
        one.save(checkpoint("0", position))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    entry = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, state, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)
    save_until(f'the state topic "{state}" has cleanup.policy delete now')

    admin.create_partitions([NewPartitions(state, 3)])[state].result(30)
    save_until(f"the state topic {state} has 3 partitions now, not 1")

"""The Kafka source on a real broker."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from connectors.kafka import open_transactions
from tests.integration.source_reading import committed, offsets, produce, read, source
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


@pytest.mark.parametrize("partitions", [1, 6, 64])
def test_every_message_comes_once_in_the_order_of_its_partition(
    kafka: KafkaCluster, topic: TopicFactory, partitions: int
) -> None:
    name = topic(partitions=partitions)
    produce(kafka, name, 6_400, partitions)
    plugin = source(kafka, name, batch=500)
    flow = plugin.source()
    parts = flow.list_parts()

    assert parts == [str(number) for number in range(partitions)]
    readers = [flow.build_part("source", part, None) for part in parts]
    each = 6_400 // partitions
    extra = [each + (number < 6_400 % partitions) for number in range(partitions)]
    for reader, count in zip(readers, extra, strict=True):
        assert offsets(read(reader, count)) == list(range(count))
        assert reader.next_batch() == []
    assert plugin.positions() == dict(enumerate(extra))
    plugin.finish()


def test_a_batch_holds_the_whole_message(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    produce(kafka, name, 12)
    plugin = source(kafka, name)
    batch = read(plugin.source().build_part("source", "0", None), 12)[0]

    assert (batch.topic, batch.partition) == (name, 0)
    assert batch.values[0] is None
    assert batch.values[3] == b"v3"
    assert batch.keys is not None
    assert batch.keys[3] == b"k3"
    assert batch.headers(3) == (("n", b"3"),)
    assert batch.timestamps[3] == 1_003_000 * 1_000_000
    plugin.finish()


def test_it_starts_where_it_is_asked_to(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    produce(kafka, name, 100)
    when = datetime.fromtimestamp(1_000 + 40, UTC)
    starts = {"earliest": 0, "committed": 0, "latest": 100, when: 40}

    for start, expected in starts.items():
        plugin = source(kafka, name, start=start)
        assert plugin.source().build_part("source", "0", None).position == expected
        plugin.consumer.close()


def test_a_start_in_the_future_is_the_end_of_the_topic(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    name = topic()
    produce(kafka, name, 100)
    plugin = source(kafka, name, start=datetime(2200, 1, 1, tzinfo=UTC))

    assert plugin.source().build_part("source", "0", None).position == 100
    plugin.consumer.close()


def test_a_stored_position_overrides_the_start(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    produce(kafka, name, 100)
    plugin = source(kafka, name, start="latest")

    assert plugin.source().build_part("source", "0", 70).position == 70
    plugin.consumer.close()


def test_positions_that_are_stored_are_committed(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    produce(kafka, name, 100)
    plugin = source(kafka, name, batch=50)
    reader = plugin.source().build_part("source", "0", None)
    read(reader, 50)

    assert reader.snapshot() == 50
    assert committed(kafka, name) < 0, "nothing is durable yet"

    plugin.stored({"0": 50})

    until = time.monotonic() + 120
    while committed(kafka, name) != 50:
        assert time.monotonic() < until, "what is durable is not committed"
    plugin.finish()


def transact(cluster: KafkaCluster, topic: str, *, aborted: int, transactions: int = 5) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": topic})
    producer.init_transactions(60)
    for number in range(transactions):
        producer.begin_transaction()
        for _ in range(20):
            producer.produce(topic, b"v")
        producer.flush(60)
        end = producer.abort_transaction if number == aborted else producer.commit_transaction
        end(60)


@pytest.mark.parametrize("aborted", [2, 4])
def test_a_topic_of_transactions_that_is_read_has_no_lag(
    kafka: KafkaCluster, topic: TopicFactory, aborted: int
) -> None:
    name = topic()
    transact(kafka, name, aborted=aborted)
    plugin = source(kafka, name)
    reader = plugin.source().build_part("source", "0", None)
    lag = plugin._context.telemetry.registry.get_sample_value
    read(reader, 80)

    until = time.monotonic() + 120
    while lag("pynomaly_lag_messages", {"partition": "0"}) != 0:
        assert time.monotonic() < until, "the lag of a topic that is read to its end stays"
        assert reader.next_batch() == []
        time.sleep(0.05)

    assert reader.snapshot() == plugin.consumer.bounds(0)[1]
    plugin.consumer.close()


COMPACTED = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "100",
}


def compacted(cluster: KafkaCluster, topic: str) -> None:
    """Write forty versions of one key, of which compaction leaves the last, and an aborted end."""
    for number in range(40):
        producer = Producer({"bootstrap.servers": cluster.bootstrap})
        producer.produce(topic, b"%d" % number, b"key")
        assert producer.flush(120) == 0
        if number % 10 == 9:
            # A new segment begins with what is written later.
            time.sleep(0.2)
    transact(cluster, topic, aborted=0, transactions=1)
    until = time.monotonic() + 120
    while len(beginning(cluster, topic)) > 20:
        assert time.monotonic() < until, "the broker does not compact the topic"
        time.sleep(0.5)


def beginning(cluster: KafkaCluster, topic: str) -> list[int]:
    """Return the offsets of a topic that are there."""
    plugin = source(cluster, topic)
    reader = plugin.source().build_part("source", "0", None)
    found: list[int] = []
    try:
        while reader.position < plugin.consumer.bounds(0)[1]:
            found += offsets(reader.next_batch())
    finally:
        plugin.consumer.close()
    return found


def test_a_compacted_topic_that_ends_in_an_aborted_transaction_has_no_lag(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    name = topic(config=COMPACTED)
    compacted(kafka, name)
    plugin = source(kafka, name)
    # A position of which compaction has left nothing.
    reader = plugin.source().build_part("source", "0", 5)
    lag = plugin._context.telemetry.registry.get_sample_value

    batches = read(reader, 1)
    until = time.monotonic() + 120
    while lag("pynomaly_lag_messages", {"partition": "0"}) != 0:
        assert time.monotonic() < until, "the lag of a topic that is read to its end stays"
        batches += reader.next_batch()
        time.sleep(0.05)

    assert min(offsets(batches)) > 5
    assert batches[-1].values[-1] == b"39"
    assert reader.snapshot() == plugin.consumer.bounds(0)[1]
    plugin.consumer.close()


def test_a_transaction_that_stays_open_is_named_once_and_read_on_behind(
    kafka: KafkaCluster,
    topic: TopicFactory,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_transactions, "HELD_SECONDS", 0.0)
    name = topic()
    produce(kafka, name, 30)
    hanging = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": name})
    hanging.init_transactions(60)
    hanging.begin_transaction()
    hanging.produce(name, b"v")
    hanging.flush(60)
    produce(kafka, name, 20)
    plugin = source(kafka, name)
    reader = plugin.source().build_part("source", "0", None)
    read(reader, 30)

    until = time.monotonic() + 120
    while "a producer has a transaction open there" not in caplog.text:
        assert time.monotonic() < until, "nobody says what reading waits for"
        assert reader.next_batch() == []
        time.sleep(0.05)

    hanging.abort_transaction(60)
    assert offsets(read(reader, 20)) == list(range(31, 51))
    plugin.consumer.close()
    assert caplog.text.count(f"{name}[0] is not read beyond offset 30") == 1
    assert "21 offsets wait behind it" in caplog.text


def test_a_partition_that_was_let_go_is_taken_up_again(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    name = topic(partitions=2)
    produce(kafka, name, 200, partitions=2)
    plugin = source(kafka, name, batch=30)
    first, second = (plugin.source().build_part("source", part, None) for part in "01")
    read(first, 30)

    plugin.consumer._lag_updated = 0.0
    plugin.consumer.update_lag(plugin.positions())
    lag = plugin._context.telemetry.registry.get_sample_value

    assert lag("pynomaly_lag_messages", {"partition": "0"}) is not None

    first.close()
    assert offsets(read(second, 100)) == list(range(100))
    assert lag("pynomaly_lag_messages", {"partition": "0"}) is None, "others report it now"
    again = plugin.source().build_part("source", "0", 30)

    assert offsets(read(again, 70)) == list(range(30, 100))
    plugin.finish()


def test_a_draining_source_ends(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    plugin = source(kafka, name)
    reader = plugin.source().build_part("source", "0", None)
    plugin._context.draining.set()

    with pytest.raises(StopIteration):
        reader.next_batch()
    plugin.finish()


def test_a_broker_that_dies_and_comes_back_loses_nothing(fresh_kafka: KafkaBroker) -> None:
    fresh_kafka.create_topic("flaky")
    produce(fresh_kafka, "flaky", 500)
    plugin = source(fresh_kafka, "flaky", batch=100)
    reader = plugin.source().build_part("source", "0", None)
    first = read(reader, 500)
    fresh_kafka.kill()
    for _ in range(200):
        assert reader.next_batch() == []
    fresh_kafka.start()
    produce(fresh_kafka, "flaky", 500)

    assert offsets(first + read(reader, 500)) == list(range(1_000))
    plugin.finish()

"""A source whose topic is deleted, made again or not there, on a real broker."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaException

from connectors.kafka.source import PartitionReader
from engine.domain.errors import ConnectorError, OffsetLostError, RetryableError, Shutdown
from tests.integration.source_reading import committed, offsets, produce, read, source
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


@pytest.mark.parametrize("count", [50, 500], ids=["shorter", "longer"])
def test_a_topic_that_was_recreated_while_stopped_is_reported_by_its_id(
    kafka: KafkaCluster, topic: TopicFactory, count: int
) -> None:
    name = topic()
    produce(kafka, name, 300)
    before = source(kafka, name)
    before.source().list_parts()
    identity = before.identity()
    before.finish()
    kafka.delete_topic(name)
    make_again(kafka, name)
    produce(kafka, name, count)

    with pytest.raises(OffsetLostError, match=r"recreated since .*on_missing_offset: earliest"):
        source(kafka, name).recognise(identity)

    after = source(kafka, name, on_missing_offset="earliest", start="latest")
    assert after.recognise(identity) is False
    reader = after.source().build_part("source", "0", None)
    assert offsets(read(reader, count)) == list(range(count))
    assert after.recognise(after.identity()) is True
    after.finish()


def test_a_topic_that_is_recreated_while_it_is_read_ends_the_run(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    name = topic()
    produce(kafka, name, 30)
    plugins = [source(kafka, name, settings={"topic.metadata.refresh.interval.ms": 100})]
    plugins.append(
        source(
            kafka,
            name,
            on_missing_offset="earliest",
            settings={"topic.metadata.refresh.interval.ms": 100},
        )
    )
    readers = []
    for plugin in plugins:
        flow = plugin.source()
        flow.list_parts()
        plugin.identity()
        readers.append(flow.build_part("source", "0", None))
        read(readers[-1], 30)

    kafka.delete_topic(name)
    make_again(kafka, name)
    produce(kafka, name, 300)

    for reader, error in zip(readers, (OffsetLostError, RetryableError), strict=True):
        with pytest.raises(error, match="recreated while it was read"):
            turns(reader)


def test_a_topic_that_is_deleted_ends_the_run(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()
    plugin = source(kafka, name, settings={"topic.metadata.refresh.interval.ms": 50})
    flow = plugin.source()
    flow.list_parts()
    reader = flow.build_part("source", "0", None)
    kafka.delete_topic(name)

    with pytest.raises(ConnectorError, match=r"was deleted, or is hidden .*Create it again"):
        turns(reader)


def make_again(cluster: KafkaCluster, name: str) -> None:
    """Create a topic whose deletion the broker may still be busy with."""
    until = time.monotonic() + 120
    while True:
        try:
            cluster.create_topic(name)
        except KafkaException:
            assert time.monotonic() < until, "the topic cannot be made again"
            time.sleep(0.1)
        else:
            return


def turns(reader: PartitionReader) -> None:
    """Read on until something happens."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        reader.next_batch()
        time.sleep(0.01)


def test_an_offset_that_retention_removed_is_an_error_that_says_what_to_do(
    fresh_kafka: KafkaBroker,
) -> None:
    fresh_kafka.create_topic("lost")
    produce(fresh_kafka, "lost", 100)
    fresh_kafka.delete_records("lost", 0, 60)
    plugin = source(fresh_kafka, "lost")

    with pytest.raises(OffsetLostError, match=r"lost\[0\]: offset 10 .* holds 60 to 99.*earliest"):
        plugin.source().build_part("source", "0", 10)
    plugin.consumer.close()
    plugin = source(fresh_kafka, "lost", on_missing_offset="earliest")
    reader = plugin.source().build_part("source", "0", 10)
    assert offsets(read(reader, 40)) == list(range(60, 100))
    sample = plugin._context.telemetry.registry.get_sample_value
    assert sample("pynomaly_offset_jumps_total") == 1
    assert sample("pynomaly_skipped_messages_total") == 50
    plugin.consumer.close()


def test_an_unknown_topic_names_the_nearest(kafka: KafkaCluster, topic: TopicFactory) -> None:
    name = topic()

    with pytest.raises(ConnectorError, match=f'Did you mean "{name}"'):
        source(kafka, name[:-1]).source().list_parts()


def test_check_shows_real_messages_and_leaves_the_group_alone(
    kafka: KafkaCluster, topic: TopicFactory
) -> None:
    name = topic()
    produce(kafka, name, 30)
    (batch,) = source(kafka, name).check(5)

    assert batch.offsets.tolist() == [25, 26, 27, 28, 29]
    assert committed(kafka, name) < 0


def test_check_says_that_nobody_listens() -> None:
    nobody = KafkaCluster("127.0.0.1:1")

    with pytest.raises(RetryableError, match="Is a broker listening there"):
        source(nobody, "t").check(1)


def test_waiting_for_brokers_ends_when_asked_to_stop() -> None:
    plugin = source(KafkaCluster("127.0.0.1:1"), "t")
    plugin._context.draining.set()

    with pytest.raises(Shutdown, match="asked to stop"):
        plugin.source().list_parts()

"""Reads a topic by way of the source."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.kafka.settings import KafkaSourceSettings
from connectors.kafka.source import KafkaSource, PartitionReader
from engine.application.ports import RunContext
from engine.domain.batch import RawBatch
from tests.support.kafka_cluster import KafkaCluster


def produce(cluster: KafkaCluster, topic: str, count: int, partitions: int = 1) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    for number in range(count):
        producer.produce(
            topic,
            b"v%d" % number if number % 10 else None,
            b"k%d" % number,
            partition=number % partitions,
            timestamp=1_000_000 + number * 1_000,
            headers={"n": b"%d" % number},
        )
        producer.poll(0)
    producer.flush()


def source(cluster: KafkaCluster, topic: str, **changes: object) -> KafkaSource:
    settings = KafkaSourceSettings.model_validate(
        {"brokers": cluster.bootstrap, "topic": topic, "start": "earliest", **changes}
    )
    return KafkaSource(settings, RunContext("test"))


def read(reader: PartitionReader, count: int) -> list[RawBatch]:
    batches: list[RawBatch] = []
    until = time.monotonic() + 120
    while time.monotonic() < until:
        batches += reader.next_batch()
        if sum(map(len, batches)) >= count:
            return batches
        time.sleep(0.001)
    raise AssertionError(f"only {sum(map(len, batches))} of {count} messages came")


def offsets(batches: list[RawBatch]) -> list[int]:
    return [offset for batch in batches for offset in batch.offsets.tolist()]


def committed(cluster: KafkaCluster, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "pynomaly-test"})
    try:
        return int(consumer.committed([TopicPartition(topic, 0)])[0].offset)
    finally:
        consumer.close()

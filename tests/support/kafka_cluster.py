"""What tests ask of any Kafka, wherever it runs: make topics, drop records."""

import time
from collections.abc import Mapping
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

_REQUEST_SECONDS = 120.0


class TopicFactory(Protocol):
    """What the fixture `topic` gives: makes a topic of a name no other test has, returns it."""

    def __call__(self, partitions: int = 1, config: Mapping[str, str] | None = None) -> str: ...


class KafkaCluster:
    """A Kafka reached at `bootstrap` ("host:port", several separated by commas)."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def topics(self) -> dict[str, int]:
        """Return the number of partitions of each topic; KafkaException when Kafka is silent."""
        found = self._admin().list_topics(timeout=_REQUEST_SECONDS).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def cluster_id(self, timeout: float = _REQUEST_SECONDS) -> str | None:
        """Return the id of the cluster that answers, None while it has no broker in service.

        Raises KafkaException when no answer came in `timeout` seconds.
        """
        found = self._admin().list_topics(timeout=timeout)
        return found.cluster_id if found.brokers else None

    def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Create a topic and return when every partition can be written to and read from.

        `config` holds topic settings by Kafka's names. Raises KafkaException when the broker
        refuses (the topic exists, a setting is invalid) and TimeoutError when a partition has no
        leader after two minutes.
        """
        admin = self._admin()
        topic = NewTopic(name, num_partitions=partitions, config=dict(config or {}))
        admin.create_topics([topic])[name].result(timeout=_REQUEST_SECONDS)
        deadline = time.monotonic() + _REQUEST_SECONDS
        while not _has_leaders(admin, name, partitions):
            if time.monotonic() > deadline:
                raise TimeoutError(f"topic {name} has no leaders after {_REQUEST_SECONDS:.0f} s")
            time.sleep(0.02)

    def delete_topic(self, name: str) -> None:
        """Delete a topic; raises KafkaException when there is none."""
        admin = self._admin()
        admin.delete_topics([name])[name].result(timeout=_REQUEST_SECONDS)

    def read(self, topic: str, isolation: str = "read_uncommitted") -> list[Message]:
        """Return what a plain consumer reads of a topic, up to the ends that it may see now."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "reader",
                "isolation.level": isolation,
                "enable.partition.eof": True,
            }
        )
        waiting = set(
            consumer.list_topics(topic, timeout=_REQUEST_SECONDS).topics[topic].partitions
        )
        consumer.assign([TopicPartition(topic, partition, 0) for partition in waiting])
        found: list[Message] = []
        while waiting:
            for message in consumer.consume(1_000, timeout=1.0):
                if (error := message.error()) is None:
                    found.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(message.partition() or 0)
        consumer.close()
        return found

    def delete_records(self, topic: str, partition: int, before_offset: int) -> int:
        """Delete the records below `before_offset` and return the new low watermark.

        Raises KafkaException when the offset or the partition does not exist.
        """
        target = TopicPartition(topic, partition, before_offset)
        # Named, since a client that is collected drops what it was asked.
        admin = self._admin()
        (deleting,) = admin.delete_records([target]).values()
        deleted = deleting.result(timeout=_REQUEST_SECONDS)
        return int(deleted.low_watermark)

    def _admin(self) -> AdminClient:
        # A client per call: one kept over a broker's death would log every failed reconnection.
        return AdminClient({"bootstrap.servers": self.bootstrap})


def _has_leaders(admin: AdminClient, topic: str, partitions: int) -> bool:
    try:
        found = admin.list_topics(topic, timeout=_REQUEST_SECONDS).topics[topic].partitions
    except KafkaException:
        return False
    # A partition without an elected leader is listed with leader -1.
    return len(found) == partitions and all(part.leader >= 0 for part in found.values())

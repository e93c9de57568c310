"""An embedded broker: librdkafka's mock cluster, for demonstrations.

Its limits: everything lives in this process's memory and is gone with it; topics appear when they
are first named, with four partitions; a partition drops its oldest messages past 5 MB or 100,000;
access control, transactions across restarts and retention are not there, and nothing says that
what works on it works on Kafka. It serves the demonstration, and no test of the connectors.
"""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from engine.domain.errors import ConnectorError

QUIET_LEVEL = 2
"""Only what is critical is logged: the mock's clients complain of its end, which is intended."""


class EmbeddedBroker:
    """One broker on a loopback port, from entering the context to leaving it.

    It can be written to and read from without further clients.

    Attributes:
        bootstrap: its address, for any client of this machine.
    """

    bootstrap: str

    def __enter__(self) -> EmbeddedBroker:
        self._cluster = Producer(
            {"test.mock.num.brokers": 1, "bootstrap.servers": "unused", "log_level": QUIET_LEVEL}
        )
        brokers = self._cluster.list_topics(timeout=10).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self._readers: dict[str, Consumer] = {}
        self._producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "linger.ms": 5,
                "log_level": QUIET_LEVEL,
                "queue.buffering.max.messages": 200_000,
            }
        )
        return self

    def __exit__(self, *_: object) -> None:
        del self._cluster

    def create_topic(self, name: str, partitions: int = 4) -> None:
        """Create a topic.

        Raises:
            ConnectorError: another number of partitions is wanted than the cluster gives.
        """
        self._cluster.list_topics(name, timeout=10)
        made = len(self._cluster.list_topics(name, timeout=10).topics[name].partitions)
        if made != partitions:
            raise ConnectorError(f"the embedded broker gives {made} partitions, not {partitions}")

    def send(self, topic: str, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Queue messages; waits while the queue is full."""
        for key, value in zip(keys, values, strict=True):
            while True:
                try:
                    self._producer.produce(topic, value, key)
                    break
                except BufferError:
                    self._producer.poll(0.1)
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until all that was sent has arrived."""
        self._producer.flush()

    def read(self, topic: str, at_most: int = 10_000) -> list[bytes]:
        """Return payloads that arrived in a topic since the last call, from all partitions."""
        messages: list[Message] = self._reader(topic).consume(at_most, timeout=0.1)
        return [value for m in messages if m.error() is None and (value := m.value()) is not None]

    def _reader(self, topic: str) -> Consumer:
        if topic not in self._readers:
            consumer = Consumer(
                {
                    "bootstrap.servers": self.bootstrap,
                    "group.id": f"demo-{topic}",
                    "log_level": QUIET_LEVEL,
                }
            )
            metadata = consumer.list_topics(topic, timeout=10).topics[topic]
            consumer.assign([TopicPartition(topic, p, 0) for p in metadata.partitions])
            self._readers[topic] = consumer
        return self._readers[topic]

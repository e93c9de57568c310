"""The demonstration's broker: the embedded one, with just enough to send and to read."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from connectors.kafka.embedded_broker import QUIET_LEVEL, EmbeddedBroker


class DemoBroker(EmbeddedBroker):
    """An embedded broker that can be written to and read from without further clients."""

    def send(self, topic: str, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Queue messages; waits while the queue is full."""
        producer = self._demo_producer()
        for key, value in zip(keys, values, strict=True):
            while True:
                try:
                    producer.produce(topic, value, key)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)

    def flush(self) -> None:
        """Wait until all that was sent has arrived."""
        self._demo_producer().flush()

    def read(self, topic: str, at_most: int = 10_000) -> list[bytes]:
        """Return payloads that arrived in a topic since the last call, from all partitions."""
        consumer = self._reader(topic)
        messages: list[Message] = consumer.consume(at_most, timeout=0.1)
        return [value for m in messages if m.error() is None and (value := m.value()) is not None]

    def _demo_producer(self) -> Producer:
        if not hasattr(self, "_producer_of_demo"):
            self._producer_of_demo = Producer(
                {
                    "bootstrap.servers": self.bootstrap,
                    "linger.ms": 5,
                    "log_level": QUIET_LEVEL,
                    "queue.buffering.max.messages": 200_000,
                }
            )
        return self._producer_of_demo

    def _reader(self, topic: str) -> Consumer:
        readers: dict[str, Consumer] = self.__dict__.setdefault("_readers_of_demo", {})
        if topic not in readers:
            consumer = Consumer(
                {
                    "bootstrap.servers": self.bootstrap,
                    "group.id": f"demo-{topic}",
                    "log_level": QUIET_LEVEL,
                }
            )
            metadata = consumer.list_topics(topic, timeout=10).topics[topic]
            consumer.assign([TopicPartition(topic, p, 0) for p in metadata.partitions])
            readers[topic] = consumer
        return readers[topic]

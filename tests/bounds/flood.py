"""The floods: as many events as asked for, as fast as they can be written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from confluent_kafka import KafkaError, Message, Producer

START_MS = 1_767_225_600_000
TAILS = 1_000


def events(count: int, entities: int, *, pad: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield entity number and payload of each event; the entities take turns.

    Args:
        count: of events.
        entities: of which all are.
        pad: bytes to make each payload larger by.
    """
    values = np.random.default_rng(count).normal(20.0, 1.0, (TAILS, 2)).round(3).tolist()
    filling = b',"pad":"%s"' % (b"x" * pad) if pad else b""
    tails = [b',"a":%r,"b":%r%s}' % (a, b, filling) for a, b in values] if not pad else []
    for number in range(count):
        entity = number % entities
        a, b = values[number * 7_919 % TAILS]
        tail = tails[number * 7_919 % TAILS] if tails else b',"a":%r,"b":%r%s}' % (a, b, filling)
        yield entity, b'{"id":"e%d","ts":%d%s' % (entity, START_MS + number, tail)


class Flood:
    """Writes to a topic, an entity's events to one partition.

    Attributes:
        written: messages that are in the topic.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._topic, self._partitions = topic, partitions
        self.written = 0
        self._failures: list[KafkaError] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "message.max.bytes": 100_000_000,
                "linger.ms": 20,
                "queue.buffering.max.messages": 200_000,
                "queue.buffering.max.kbytes": 262_144,
                # A broker that does not answer is what we are here for.
                "log_level": 1,
            }
        )

    def write(self, found: Iterator[tuple[int, bytes]]) -> int:
        """Write events and wait until they are in the topic; return how many there are by now."""
        for entity, payload in found:
            while True:
                try:
                    self._producer.produce(
                        self._topic,
                        payload,
                        partition=entity % self._partitions,
                        on_delivery=self._delivered,
                    )
                except BufferError:
                    self._producer.poll(0.1)
                else:
                    break
        while self._producer.flush(1.0):
            pass
        assert not self._failures, self._failures[:3]
        return self.written

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failures.append(error)
        else:
            self.written += 1

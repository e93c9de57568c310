"""The known stream: message n is always the same, whoever asks."""

from __future__ import annotations

import threading
import time

import numpy as np
import orjson
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

ENTITIES = 40
"""Per partition; an entity's events are all in one, and so have an order."""
START_MS = 1_767_225_600_000
BLOCK = 1_000
STUCK_SECONDS = 30.0
"""A client that delivers nothing for so long has lost its brokers for good."""
SILENT_SECONDS = 90.0
"""The same while brokers may be starting, on a machine that is busy."""
HEAD_START = 5
"""Blocks of each partition that are written at once, for models to be warm in the shortest run."""


def messages(seed: int, partition: int, first: int, count: int) -> list[bytes]:
    """Return messages `first` to `first + count - 1` of a partition; in whole blocks."""
    found: list[bytes] = []
    for block in range(first // BLOCK, (first + count) // BLOCK):
        draw = np.random.default_rng([seed, partition, block])
        values = draw.normal(20.0, 1.0, (BLOCK, 2))
        values[draw.random(BLOCK) < 0.004] += 15.0
        for row, (a, b) in enumerate(values.tolist()):
            number = block * BLOCK + row
            event = {
                "id": f"e{partition}-{number % ENTITIES}",
                "ts": START_MS + number // ENTITIES * 1_000,
                "a": a,
                "b": b,
            }
            found.append(b"garbage %d" % number if number % 499 == 7 else orjson.dumps(event))
    return found


class Writer:
    """Writes the stream at a steady rate in the background, whatever becomes of the brokers."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, seed: int, rate: float) -> None:
        self._bootstrap = bootstrap
        self._producer = self._new_producer()
        self._topic, self._seed, self._rate = topic, seed, rate
        self.ends = dict.fromkeys(range(partitions), 0)
        self.failures: list[KafkaError] = []
        self._heard = time.monotonic()
        self._stopping = threading.Event()
        self._going, self._resting = threading.Event(), threading.Event()
        self._going.set()
        self._thread = threading.Thread(target=self._write, name="writer")
        self._thread.start()

    def stop(self) -> int:
        """Stop writing and return how many messages there are, all of them in the topic."""
        self._stopping.set()
        self._going.set()
        self._thread.join()
        self._flush()
        assert not self.failures, self.failures[:3]
        return sum(self.ends.values())

    def pause(self) -> None:
        """Write nothing more until `go_on`; all that there is stands in the topic."""
        self._resting.clear()
        self._going.clear()
        self._resting.wait()
        self._flush()

    def go_on(self) -> None:
        """Write again."""
        self._going.set()

    def _flush(self) -> None:
        left = self._producer.flush(1.0)
        while left:
            before, left = left, self._producer.flush(STUCK_SECONDS)
            if left == before:
                self._give_up()
                break

    def _write(self) -> None:
        began, written, block = time.monotonic(), 0, 0
        while not self._stopping.is_set():
            blocks = [messages(self._seed, part, block * BLOCK, BLOCK) for part in self.ends]
            for row in zip(*blocks, strict=True):
                if not self._going.is_set():
                    self._resting.set()
                    self._going.wait()
                    began, written = time.monotonic(), 0
                    self._heard = began
                for partition, value in enumerate(row):
                    self._send(partition, value)
                written += len(row)
                if block < HEAD_START:
                    began, written = time.monotonic(), 0
                self._wait_until(began + written / self._rate)
                if len(self._producer) and time.monotonic() - self._heard > SILENT_SECONDS:
                    self._producer = self._new_producer()
                if self._stopping.is_set():
                    break
            block += 1

    def _wait_until(self, due: float) -> None:
        """Serve reports until a row is due: a poll ends with the first of them."""
        self._producer.poll(0.0)
        while (left := due - time.monotonic()) > 0:
            if self._stopping.is_set() or not self._going.is_set():
                break
            self._producer.poll(min(left, 0.1))

    def _send(self, partition: int, value: bytes) -> None:
        """Send a message; what a client that delivers nothing more still holds is given up."""
        while not self._stopping.is_set():
            try:
                self._producer.produce(
                    self._topic, value, partition=partition, on_delivery=self._delivered
                )
            except BufferError:
                if not self._producer.poll(STUCK_SECONDS):
                    self._producer = self._new_producer()
            else:
                return

    def _give_up(self) -> None:
        """Leave out what was not delivered; what is in the topic counts, whether we know or not."""
        self._producer = self._new_producer()
        consumer = Consumer({"bootstrap.servers": self._bootstrap, "group.id": "writer"})
        for partition in self.ends:
            place = TopicPartition(self._topic, partition)
            self.ends[partition] = consumer.get_watermark_offsets(place, timeout=STUCK_SECONDS)[1]
        consumer.close()

    def _new_producer(self) -> Producer:
        self._heard = time.monotonic()
        return Producer(
            {
                "bootstrap.servers": self._bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "linger.ms": 5,
                "queue.buffering.max.messages": 200_000,
                "reconnect.backoff.max.ms": 500,
                # A broker that is down is what we are here for.
                "log_level": 1,
            }
        )

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        self._heard = time.monotonic()
        if error is not None:
            self.failures.append(error)
        else:
            self.ends[message.partition() or 0] = (message.offset() or 0) + 1

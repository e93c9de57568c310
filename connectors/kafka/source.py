"""The Kafka source: a topic's partitions as batches, with positions that survive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import cast

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import KafkaException, Message

from connectors.kafka.consumer import SharedConsumer
from connectors.kafka.settings import KafkaSourceSettings
from engine.application.ports import RunContext
from engine.domain.batch import Headers, RawBatch, stamps_of_ms
from engine.domain.errors import ConnectorError
from engine.domain.trace import HEADER

IDLE = timedelta(milliseconds=3)
"""Wait after a poll that found nothing: short beside the latency that users see."""
OVERRUN = 3.0
"""An epoch so many times as long as the time between checkpoints is too long."""
LEAST_IN_FLIGHT = 2**20
"""Bytes that a process may always read in an epoch."""
SAMPLE_SECONDS = 5.0
HeaderList = list[tuple[str, bytes | None]]


class KafkaSource:
    """The plug-in behind `source: {kafka: ...}`."""

    Settings = KafkaSourceSettings

    def __init__(self, settings: KafkaSourceSettings, context: RunContext) -> None:
        self._settings = settings
        self._context = context
        self._readers: list[PartitionReader] = []
        self._most = context.max_in_flight
        self._epoch_began = time.monotonic()

    @property
    def topic(self) -> str:
        """The topic."""
        return self._settings.topic

    @cached_property
    def consumer(self) -> SharedConsumer:
        """The one consumer of this process."""
        return SharedConsumer(self._settings, self._context)

    def source(self) -> PartitionedTopic:
        """Return the Bytewax source."""
        return PartitionedTopic(self)

    def read(self, partition: int, resumed: int | None) -> PartitionReader:
        """Return what reads a partition from now on."""
        reader = PartitionReader(self, self._context, partition, resumed)
        self._readers.append(reader)
        return reader

    def positions(self) -> dict[int, int]:
        """Return the next offset to read of each partition of this process."""
        return {reader.partition: reader.position for reader in self._readers}

    def in_flight_limit(self) -> int:
        """Return the bytes each partition may emit before its epoch is stored.

        Within one process the source and all steps share a thread, and nothing can pile up.
        """
        if self._context.processes == 1:
            return 2**62
        return self._most // max(1, len(self._readers))

    def epoch_ended(self, reader: PartitionReader) -> None:
        """Read half as much in the next epoch if this one took far longer than it should."""
        if reader is not self._readers[0]:
            return
        took = time.monotonic() - self._epoch_began
        self._epoch_began += took
        if took > OVERRUN * self._context.every.total_seconds():
            self._most = max(self._most // 2, LEAST_IN_FLIGHT)
        else:
            self._most = min(self._most * 2, self._context.max_in_flight)

    def finish(self) -> None:
        """Commit the last positions, which a clean end has made durable, and leave."""
        for reader in self._readers:
            self.consumer.commit(reader.partition, reader.position, wait=True)
        self.consumer.close()

    def check(self, samples: int) -> list[RawBatch]:
        """Return up to `samples` of the newest messages of each of the first partitions.

        Raises:
            ConnectorError: no broker answers, or there is no such topic.
        """
        consumer = self.consumer
        try:
            partitions = consumer.check()
            return [batch for p in partitions[:8] if (batch := self._sample(p, samples))]
        except KafkaException as error:
            raise ConnectorError(
                f"{self._settings.brokers}: {error.args[0].str()}. Is a broker listening there?"
            ) from error
        finally:
            consumer.close()

    def _sample(self, partition: int, samples: int) -> RawBatch | None:
        low, high = self.consumer.bounds(partition)
        wanted = min(samples, high - low)
        self.consumer.begin(partition, high - wanted)
        messages: list[Message] = []
        until = datetime.now() + timedelta(seconds=SAMPLE_SECONDS)
        while len(messages) < wanted and datetime.now() < until:
            messages += self.consumer.take(partition)
        return raw_batch(self.topic, partition, messages, with_keys=True) if messages else None


class PartitionedTopic(FixedPartitionedSource[RawBatch, int]):
    """Bytewax's side of the topic."""

    def __init__(self, kafka: KafkaSource) -> None:
        self._kafka = kafka

    def list_parts(self) -> list[str]:
        """Return the partitions' numbers."""
        return [str(partition) for partition in self._kafka.consumer.partitions()]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> PartitionReader:
        """Start reading a partition."""
        return self._kafka.read(int(for_part), resume_state)


class PartitionReader(StatefulSourcePartition[RawBatch, int]):
    """Reads one partition.

    Attributes:
        partition: its number.
        position: the next offset to read.
    """

    def __init__(
        self, kafka: KafkaSource, context: RunContext, partition: int, resumed: int | None
    ) -> None:
        self.partition = partition
        self.position = kafka.consumer.begin(partition, resumed)
        self._kafka = kafka
        self._context = context
        self._stored: int | None = None
        self._committed: int | None = None
        self._in_flight = 0
        self._idle = False

    def next_batch(self) -> list[RawBatch]:
        """Return at most one batch: what has arrived."""
        if self._context.draining.is_set():
            raise StopIteration
        self._kafka.consumer.tell_lag(self._kafka.positions())
        self._kafka.consumer.look_around()
        messages: list[Message] = []
        if self._in_flight < self._kafka.in_flight_limit():
            messages = self._kafka.consumer.take(self.partition)
        self._idle = not messages
        if not messages:
            return []
        batch = raw_batch(
            self._kafka.topic, self.partition, messages, with_keys=self._context.needs_keys
        )
        self.position = int(batch.offsets[-1]) + 1
        self._count(batch)
        return [batch]

    def next_awake(self) -> datetime | None:
        """Ask again at once while there is something to read."""
        return datetime.now(UTC) + IDLE if self._idle else None

    def snapshot(self) -> int:
        """Return the position; commit the one before, whose epoch is stored by now.

        Bytewax reads nothing in an epoch before all earlier ones are output and stored.
        """
        if self._stored is not None and self._stored != self._committed:
            self._kafka.consumer.commit(self.partition, self._stored)
            self._committed = self._stored
        self._stored = self.position
        self._in_flight = 0
        self._kafka.epoch_ended(self)
        return self.position

    def _count(self, batch: RawBatch) -> None:
        size = sum(map(len, filter(None, batch.values)))
        self._in_flight += size
        self._context.telemetry.events.inc(len(batch))
        self._context.telemetry.bytes.inc(size)


def raw_batch(topic: str, partition: int, messages: list[Message], *, with_keys: bool) -> RawBatch:
    """Put messages of one partition into columns; headers are read only when asked for."""

    def headers(row: int) -> Headers:
        return tuple(cast("HeaderList", messages[row].headers() or ()))

    def traceparents() -> Iterator[bytes]:
        for message in messages:
            for name, value in cast("HeaderList", message.headers() or ()):
                if name == HEADER and value:
                    yield value

    n = len(messages)
    stamps = np.fromiter((stamp for _, stamp in map(Message.timestamp, messages)), np.int64, n)
    return RawBatch(
        topic=topic,
        partition=partition,
        offsets=np.fromiter(map(Message.offset, messages), np.int64, n),
        timestamps=stamps_of_ms(stamps),
        values=list(map(Message.value, messages)),
        keys=list(map(Message.key, messages)) if with_keys else None,
        headers=headers,
        traceparents=traceparents,
    )

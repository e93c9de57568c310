"""The consumer of a process: one for all its partitions, with messages split by partition."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.client import open_client
from connectors.kafka.message_runs import by_epoch, by_partition
from connectors.kafka.metadata import reach_once, wait_for_partitions
from connectors.kafka.open_transactions import OpenTransactions
from connectors.kafka.settings import CONSUMER, KafkaSourceSettings
from connectors.kafka.start_offset import StartOffsets
from connectors.kafka.topic_monitor import TopicMonitor
from engine.domain.batch import RawBatch
from pynomaly.plugins import RunContext

LOST = {KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET}
LOST_MESSAGES = re.compile(r"truncation detected at offset (\d+).*broker end offset is (\d+)")
"""Says where a partition was read to, and the first offset of what its brokers have lost."""
LAG_SECONDS = 1.0
PIECE = 1_000
"""Messages taken from the client at once: put into columns and freed while the processor's cache
holds them, a message takes 130 ns less than with ten thousand at once."""

Pack = Callable[[int, list[Message]], RawBatch]
"""Puts messages of a partition into columns."""


class SharedConsumer:
    """Polls for all partitions of a process and hands messages out strictly by partition.

    Strictly, because each partition has checkpoints of its own: a message in the batch of another
    partition could fall between two of them.

    Args:
        settings: of the source.
        context: of this process.
        pack: puts messages into columns.

    Attributes:
        errors: reports errors of the brokers.
        topic: notices that the topic was deleted or recreated.
    """

    def __init__(self, settings: KafkaSourceSettings, context: RunContext, pack: Pack) -> None:
        self._settings = settings
        self._pack = pack
        self._telemetry = context.telemetry
        self._context = context
        self.errors = BrokerErrors("source", self._count, context.outages)
        self._buffers: dict[int, list[RawBatch]] = {}
        self._asked: set[int] = set()
        self._lag_updated = 0.0
        self._eof: dict[int, int] = {}
        self._epochs: dict[int, int] = {}
        self._resets: dict[int, int] = {}
        self._transactions = OpenTransactions(settings.topic)
        self._consumer = open_client(
            Consumer,
            {
                **CONSUMER,
                "group.id": settings.group or f"pynomaly-{context.pipeline}",
                "error_cb": self.errors.report,
                "on_commit": self._on_commit,
                **self.errors.statistics(),
                **settings.settings,
                "bootstrap.servers": settings.brokers,
            },
            self.errors,
        )
        self.topic = TopicMonitor(settings, context, self.errors)
        self._offsets = StartOffsets(self._consumer, settings, context, self.errors)

    def partitions(self) -> list[int]:
        """Return the topic's partitions, waiting for the brokers."""
        topic = self._settings.topic
        found = wait_for_partitions(self._consumer, topic, self.errors, self._context)
        self.topic.partitions = found
        return found

    def check(self) -> list[int]:
        """Return the topic's partitions, waiting ten seconds at most."""
        settings = self._settings
        return reach_once(self._consumer, settings.topic, self.errors, settings.brokers)

    def assign(self, partition: int, resumed: int | None) -> int:
        """Start reading a partition, where it was left or where the settings say; return where.

        Raises:
            OffsetLostError: retention has removed that offset, and the settings say to fail.
        """
        wanted = resumed
        if wanted is None:
            wanted = self._offsets.first(partition, from_beginning=self.topic.was_recreated)
        offset = self._offsets.available(partition, wanted)
        self._buffers[partition] = []
        self._eof.pop(partition, None)
        self._consumer.incremental_assign([self._place(partition, offset)])
        epoch = self._epochs.pop(partition, None)
        if epoch is not None and offset == resumed:
            # The client checks the epoch of a position that it seeks, not of one it is assigned.
            self._consumer.seek(self._place(partition, offset, epoch))
        logger.debug("%s[%d] is read from offset %d", self._settings.topic, partition, offset)
        return offset

    def resume_behind(self, partition: int, epoch: int) -> None:
        """Have the client check the next `assign`, behind a message of this leader's epoch."""
        self._epochs[partition] = epoch

    def unassign(self, partition: int) -> None:
        """Stop reading a partition."""
        self._buffers.pop(partition, None)
        self._eof.pop(partition, None)
        self._resets.pop(partition, None)
        self._transactions.forget(partition)
        self._asked.discard(partition)
        self._consumer.incremental_unassign([self._place(partition)])
        # The process that has it now reports its lag.
        with suppress(KeyError):
            self._telemetry.lag.remove(str(partition))

    def bounds(self, partition: int) -> tuple[int, int]:
        """Return the first available offset and the one after the last."""
        return self._offsets.bounds(partition)

    def end(self, partition: int) -> int | None:
        """Return the offset at which reading a partition ends; None if it never does."""
        return self._offsets.end(partition)

    def poll(self, partition: int) -> list[RawBatch]:
        """Return messages of a partition that have arrived, in their order; maybe none.

        The client is polled once a turn, when a partition asks for the second time: polling for
        each of many partitions could make one turn last for a minute.
        """
        if partition in self._asked:
            self._asked.clear()
            self._consume()
        self._asked.add(partition)
        batches, self._buffers[partition] = self._buffers[partition], []
        return batches

    def read_to(self, partition: int) -> int:
        """Return the offset up to which a partition is known to have no more messages; or 0.

        Transaction markers and compacted messages may follow the last message. Call it after
        `poll`, which returns everything before it.
        """
        return self._eof.get(partition, 0)

    def reset_to(self, partition: int) -> int | None:
        """Return once where a partition goes on whose position was lost; None if it was not."""
        return self._resets.pop(partition, None)

    def commit(self, partition: int, offset: int, *, wait: bool = False) -> None:
        """Commit the offset of a partition to the group."""
        try:
            place = [self._place(partition, offset)]
            if wait:
                self._consumer.commit(offsets=place, asynchronous=False)
            else:
                self._consumer.commit(offsets=place, asynchronous=True)
        except KafkaException as error:
            self.errors.report(error.args[0])

    def update_lag(self, positions: dict[int, int]) -> None:
        """Update the lag metric, at most once a second.

        Args:
            positions: the next offset to read of each partition.
        """
        now = time.monotonic()
        if now - self._lag_updated < LAG_SECONDS:
            return
        self._lag_updated = now
        for partition, position in positions.items():
            _, high = self._consumer.get_watermark_offsets(self._place(partition), cached=True)
            if high >= 0:
                readable = self._eof.get(partition, -1)
                self._transactions.note(partition, position, readable, high)
                self._telemetry.lag.labels(str(partition)).set(max(0, high - position))

    def close(self) -> None:
        """Leave the cluster."""
        self._consumer.close()

    def _consume(self) -> None:
        left = self._settings.batch
        while left:
            most = min(PIECE, left)
            left = left - most if self._take(most) == most else 0

    def _take(self, most: int) -> int:
        """Take arrived messages up to a limit; return their number."""
        client, nothing = self._consumer, list[Message]()
        messages = self.errors.polled(lambda: client.consume(most, timeout=0), nothing)
        self.errors.raise_if_fatal()
        count = len(messages)
        if not count:
            return 0
        self.errors.recovered()
        if any(map(Message.error, messages)):
            messages = self._without_errors(messages)
        for partition, run in by_partition(messages):
            # Messages of a released partition may still arrive; they are dropped.
            if (buffer := self._buffers.get(partition)) is not None:
                buffer += [self._pack(partition, same) for same in by_epoch(run)]
        return count

    def _without_errors(self, messages: list[Message]) -> list[Message]:
        """Handle errors; return the other messages."""
        good: list[Message] = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            else:
                self._on_error(message, error)
        return good

    def _on_error(self, message: Message, error: KafkaError) -> None:
        partition = message.partition()
        if error.code() == KafkaError._PARTITION_EOF:
            self._eof[cast("int", partition)] = cast("int", message.offset())
            return
        if error.code() not in LOST or partition is None:
            self.errors.report(error)
            return
        self.topic.check_now()
        if lost := LOST_MESSAGES.search(error.str()):
            read, end = map(int, lost.groups())
            offset = self._offsets.truncated(partition, read, end)
        else:
            offset = self._offsets.reset(partition, max(message.offset() or 0, 0))
        self._eof.pop(partition, None)
        self._resets[partition] = offset
        self._consumer.incremental_unassign([self._place(partition)])
        self._consumer.incremental_assign([self._place(partition, offset)])

    def _place(
        self, partition: int, offset: int | None = None, epoch: int | None = None
    ) -> TopicPartition:
        topic = self._settings.topic
        if offset is None:
            return TopicPartition(topic, partition)
        if epoch is None:
            return TopicPartition(topic, partition, offset)
        return TopicPartition(topic, partition, offset, leader_epoch=epoch)

    def _on_commit(self, error: KafkaError | None, _places: Any) -> None:
        if error is not None:
            self.errors.report(error)

    def _count(self, kind: str) -> None:
        self._telemetry.source_errors.labels(kind).inc()

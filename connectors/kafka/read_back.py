"""Reads back our own records in a topic: the ids published since a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.client import open_client
from connectors.kafka.mark import ID, is_ours
from connectors.kafka.producer import EndOffsets
from connectors.kafka.settings import KafkaSinkSettings, shared_settings
from engine.domain.errors import RetryableError
from pynomaly.plugins import RunContext

LOOKUP_SECONDS = 30.0
POLL_SECONDS = 0.02
"""Length of a poll, whatever has arrived; a restart waits for several of them."""
MENTION_SECONDS = 5.0
"""Seconds after which waiting for another open transaction is logged."""
LONGEST_TRANSACTION_SECONDS = 960.0
"""Seconds: brokers end a transaction after transaction.max.timeout.ms, 15 minutes by default."""


class ReadBack:
    """Reads a topic as its readers do: committed records only."""

    def __init__(
        self, settings: KafkaSinkSettings, errors: BrokerErrors, context: RunContext, who: str
    ) -> None:
        """Connect.

        Args:
            settings: of the sink.
            errors: reports errors of the connection to the brokers.
            context: of this process.
            who: the sink, for the health page.
        """
        self._topic = settings.topic
        self._context = context
        self._who = who
        self._errors = errors
        self._settings = {
            **shared_settings(settings.settings),
            "bootstrap.servers": settings.brokers,
            "group.id": f"pynomaly-{context.pipeline}",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            # The end is also reported if no visible record is left, and immediately.
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 5,
            "error_cb": errors.report,
        }
        self._consumer = self._open("read_committed")

    def __enter__(self) -> ReadBack:
        """Use it until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster."""
        self._consumer.close()

    def ends(self) -> EndOffsets:
        """Return where each partition ends now, behind transactions that are open as well."""
        everything = self._open("read_uncommitted")
        try:
            topics = everything.list_topics(self._topic, timeout=LOOKUP_SECONDS).topics
            return {
                partition: self._bounds(everything, partition)[1]
                for partition in topics[self._topic].partitions
            }
        finally:
            everything.close()

    def published(
        self, keys: Iterable[bytes], since: Mapping[int, int], until: Mapping[int, int]
    ) -> set[str]:
        """Return the ids that were published with one of our keys between two positions.

        An open transaction of another producer before `until` is waited for: what lies behind it
        is not to be seen until it ends, and may be ours.

        Args:
            keys: of the marks to believe.
            since: first offset of each partition; one that is not named is read from its start.
            until: the offset to stop at, of each partition.

        Raises:
            RetryableError: a transaction was open for longer than brokers let it.
            Shutdown: asked to stop while waiting.
        """
        waiting: EndOffsets = {}
        for partition, end in until.items():
            first = max(since.get(partition, 0), self._bounds(self._consumer, partition)[0])
            if first < end:
                waiting[partition] = end
                self._consumer.incremental_assign([TopicPartition(self._topic, partition, first)])
        found: set[str] = set()
        known = list(keys)
        moved = began = time.monotonic()
        try:
            while waiting:
                self._context.heartbeat.waiting()
                messages = self._consumer.consume(10_000, timeout=POLL_SECONDS)
                for message in messages:
                    self._handle(message, known, found, waiting)
                if any(message.error() is None for message in messages):
                    moved = time.monotonic()
                self._report_wait(waiting, began, moved)
        finally:
            self._context.outages.pop(self._who, None)
        return found

    def _handle(
        self, message: Message, keys: list[bytes], found: set[str], waiting: EndOffsets
    ) -> None:
        partition, offset = message.partition() or 0, message.offset() or 0
        error = message.error()
        if error is None:
            headers = cast("dict[str, bytes | None]", dict(message.headers() or ()))
            if is_ours(keys, self._topic, headers, message.value()):
                found.add((headers[ID] or b"").decode("utf-8", "replace"))
            offset += 1
        elif error.code() != KafkaError._PARTITION_EOF:
            self._errors.report(error)
            self._errors.raise_if_fatal()
            if not error.retriable():
                raise KafkaException(error)
            return
        # Offsets behind the end, too: those of markers, or of records that came since.
        if offset >= waiting.get(partition, 0):
            waiting.pop(partition, None)

    def _report_wait(self, waiting: EndOffsets, began: float, moved: float) -> None:
        if self._context.draining.is_set():
            raise self._context.stopped("an open transaction of another producer")
        still = time.monotonic() - moved
        if still < MENTION_SECONDS:
            return
        partitions = ", ".join(map(str, sorted(waiting)))
        why = (
            f"{self._topic}[{partitions}] is held up by an open transaction of another producer, "
            "until it ends"
        )
        if self._who not in self._context.outages:
            logger.warning("%s: %s", self._who, why)
        self._context.outages[self._who] = f"{why}; for {time.monotonic() - began:.0f} s now"
        if still > LONGEST_TRANSACTION_SECONDS:
            raise RetryableError(
                f"{why}, and has been for longer than brokers let it: it hangs. Find it with "
                "`kafka-transactions.sh find-hanging`, and abort it"
            )

    def _bounds(self, consumer: Consumer, partition: int) -> tuple[int, int]:
        place = TopicPartition(self._topic, partition)
        return consumer.get_watermark_offsets(place, timeout=LOOKUP_SECONDS)

    def _open(self, isolation: str) -> Consumer:
        settings = {**self._settings, "isolation.level": isolation}
        return open_client(Consumer, settings, self._errors)

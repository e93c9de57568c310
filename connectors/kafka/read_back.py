"""Reading back what a topic already holds of our own: the ids published since a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.settings import KafkaSinkSettings, shared_settings

EndOffsets = dict[int, int]
"""For each partition of a topic an offset behind a last record."""

ID, WRITER = "pynomaly-id", "pynomaly-writer"
"""Headers of a record: its deterministic id, and the part of the sink that wrote it."""
LOOKUP_SECONDS = 30.0
POLL_SECONDS = 0.02
"""A poll lasts so long whatever has come, and a restart waits for several parts one by one."""
PATIENCE = 5.0
"""Seconds after which waiting for somebody's open transaction is mentioned."""


class ReadBack:
    """Reads a topic as its readers do: committed records only.

    Args of its constructor: settings, of the sink; troubles; wait, called while waiting.
    """

    def __init__(
        self, settings: KafkaSinkSettings, troubles: BrokerErrors, wait: Callable[[], object]
    ) -> None:
        self._topic = settings.topic
        self._wait = wait
        self._consumer = Consumer(
            {
                **shared_settings(settings.settings),
                "bootstrap.servers": settings.brokers,
                "group.id": "pynomaly-read-back",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                # Its end is told also where nothing is left that readers may see, and at once.
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 5,
                "error_cb": troubles.note,
            },
            logger=logger,
        )

    def __enter__(self) -> ReadBack:
        """Use it until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster."""
        self._consumer.close()

    def ends(self) -> EndOffsets:
        """Return for each partition the offset up to which all transactions have ended."""
        topics = self._consumer.list_topics(self._topic, timeout=LOOKUP_SECONDS).topics
        return {
            partition: self._bounds(partition)[1] for partition in topics[self._topic].partitions
        }

    def published(
        self, writers: str, since: Mapping[int, int], until: Mapping[int, int]
    ) -> set[str]:
        """Return the ids that a pipeline's processes published between two positions.

        Args:
            writers: what their records' header begins with.
            since: first offset of each partition; one that is not named is read from its start.
            until: the offset to stop at, of each partition.
        """
        waiting: EndOffsets = {}
        for partition, end in until.items():
            first = max(since.get(partition, 0), self._bounds(partition)[0])
            if first < end:
                waiting[partition] = end
                self._consumer.incremental_assign([TopicPartition(self._topic, partition, first)])
        found: set[str] = set()
        began, told = time.monotonic(), False
        while waiting:
            self._wait()
            for message in self._consumer.consume(10_000, timeout=POLL_SECONDS):
                self._take(message, writers, found, waiting)
            if waiting and not told and time.monotonic() - began > PATIENCE:
                told = True
                logger.info(
                    "still reading back what %s holds since the checkpoint: there is much, "
                    "or an open transaction of another producer holds it up until it ends",
                    self._topic,
                )
        return found

    def _take(self, message: Message, writers: str, found: set[str], waiting: EndOffsets) -> None:
        partition, offset = message.partition() or 0, message.offset() or 0
        error = message.error()
        if error is None:
            headers = cast("dict[str, bytes | None]", dict(message.headers() or ()))
            if (headers.get(WRITER) or b"").startswith(writers.encode()):
                found.add((headers.get(ID) or b"").decode("utf-8", "replace"))
            offset += 1
        elif error.code() != KafkaError._PARTITION_EOF:
            if not error.retriable():
                raise KafkaException(error)
            return
        # Offsets behind the end, too: those of markers, or of records that came since.
        if offset >= waiting.get(partition, 0):
            waiting.pop(partition, None)

    def _bounds(self, partition: int) -> tuple[int, int]:
        place = TopicPartition(self._topic, partition)
        return self._consumer.get_watermark_offsets(place, timeout=LOOKUP_SECONDS)

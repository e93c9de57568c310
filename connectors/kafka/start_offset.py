"""Where reading a partition starts: by the stored position, the settings, or what is available."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.settings import KafkaSourceSettings
from connectors.kafka.topic_changes import deleted
from engine.domain.errors import OffsetLostError
from pynomaly.plugins import RunContext

MISSING = {KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART}
RETRY_SECONDS = 2.0
LOOKUP_SECONDS = 30.0
COMMITTED_SECONDS = 5.0

Answer = TypeVar("Answer")


class StartOffsets:
    """Looks up offsets of the source topic, however long the brokers take to answer."""

    def __init__(
        self,
        consumer: Consumer,
        settings: KafkaSourceSettings,
        context: RunContext,
        errors: BrokerErrors,
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._context = context
        self._errors = errors

    def bounds(self, partition: int) -> tuple[int, int]:
        """Return the first available offset and the one after the last."""
        place = self._place(partition)
        return self._retried(
            lambda: self._consumer.get_watermark_offsets(place, timeout=LOOKUP_SECONDS)
        )

    def first(self, partition: int, *, from_beginning: bool) -> int:
        """Return where a partition without a stored position starts.

        Args:
            partition: its number.
            from_beginning: whatever the settings say, since the topic was recreated.
        """
        start = "earliest" if from_beginning else self._settings.start
        low, high = self.bounds(partition)
        if start == "latest":
            return high
        if start == "committed":
            committed = self._committed(partition)
            return committed if committed >= 0 else low
        if start == "earliest":
            return low
        return self._at(partition, start, high)

    def end(self, partition: int) -> int | None:
        """Return the offset at which reading ends; None if it never does."""
        if self._settings.end is None:
            return None
        _, high = self.bounds(partition)
        return self._at(partition, self._settings.end, high)

    def _at(self, partition: int, when: datetime, high: int) -> int:
        """Return the offset of the first message of a time or later; the end if there is none."""
        place = self._place(partition, int(when.timestamp() * 1_000))
        found = self._retried(
            lambda: self._consumer.offsets_for_times([place], timeout=LOOKUP_SECONDS)
        )[0].offset
        return found if found >= 0 else high

    def available(self, partition: int, wanted: int) -> int:
        """Return an offset that can be read: the wanted one, or the first if that is lost.

        Raises:
            OffsetLostError: it is lost, and the settings say to fail.
        """
        low, high = self.bounds(partition)
        return wanted if low <= wanted <= high else self._reset(partition, wanted, low, high)

    def reset(self, partition: int, lost: int) -> int:
        """Return the first available offset, since a wanted one is lost; count the gap.

        Raises:
            OffsetLostError: the settings say to fail.
        """
        return self._reset(partition, lost, *self.bounds(partition))

    def truncated(self, partition: int, read: int, end: int) -> int:
        """Return where a partition goes on whose brokers lost messages that were read; count it.

        Args:
            partition: its number.
            read: the next offset to read.
            end: the first offset of what was lost.

        Raises:
            OffsetLostError: the settings say to fail.
        """
        gone = (
            f"{self._settings.topic}[{partition}]: its brokers lost the messages from offset {end} "
            f"on, which were read up to {read - 1} (an unclean leader election, or a disk that "
            "lost its last writes); what lies there now is new"
        )
        if self._settings.on_missing_offset == "fail":
            raise OffsetLostError(
                f"{gone}. Set `on_missing_offset: earliest` to go on from offset {end}, or start "
                "with other state (`pynomaly state reset`)"
            )
        self._context.telemetry.offset_jumps.inc()
        logger.warning("%s; going on from %d", gone, end)
        return end

    def _reset(self, partition: int, wanted: int, low: int, high: int) -> int:
        topic, telemetry = self._settings.topic, self._context.telemetry
        gone = (
            f"{topic}[{partition}]: offset {wanted} is not available any more; the topic holds "
            f"{low} to {high - 1}"
        )
        if self._settings.on_missing_offset == "fail":
            raise OffsetLostError(
                f"{gone}. Retention removed it, or the topic was recreated. Set "
                "`on_missing_offset: earliest` to go on from the first available message (the "
                "gap is counted), or start with other state (`pynomaly state reset`)"
            )
        telemetry.offset_jumps.inc()
        telemetry.skipped.inc(max(0, low - wanted))
        logger.warning("%s; going on from %d", gone, low)
        return low

    def _committed(self, partition: int) -> int:
        """Return what the group committed, however long its brokers take to answer."""
        place = self._place(partition)
        found = self._retried(lambda: self._consumer.committed([place], timeout=COMMITTED_SECONDS))
        return int(found[0].offset)

    def _retried(self, ask: Callable[[], Answer]) -> Answer:
        """Return what the brokers answer, however long they take: they may just have started."""
        began = time.monotonic()
        while not self._context.draining.is_set():
            self._context.heartbeat.waiting()
            try:
                return ask()
            except KafkaException as error:
                self._serve_callbacks()
                self._errors.report(error.args[0])
                self._errors.raise_if_fatal()
                gone = error.args[0].code() in MISSING
                if gone and time.monotonic() - began > LOOKUP_SECONDS:
                    raise deleted(self._settings.topic) from error
                self._context.draining.wait(RETRY_SECONDS)
        raise self._context.stopped("the brokers")

    def _serve_callbacks(self) -> None:
        """Report errors that the client has for us, before anything is read."""
        message = self._errors.polled(lambda: self._consumer.poll(0), None)
        if message is not None and (error := message.error()) is not None:
            self._errors.report(error)

    def _place(self, partition: int, offset: int | None = None) -> TopicPartition:
        if offset is None:
            return TopicPartition(self._settings.topic, partition)
        return TopicPartition(self._settings.topic, partition, offset)

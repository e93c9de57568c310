"""Notices partitions that cannot be read on because another producer has a transaction open."""

from __future__ import annotations

import logging
import time

HELD_SECONDS = 60.0
"""Transactions are open for seconds; the default of brokers aborts them after one minute."""

logger = logging.getLogger("pynomaly.source")


class OpenTransactions:
    """Reports each place once at which reading waits for the end of a transaction.

    Args:
        topic: of the partitions.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._held: dict[int, tuple[int, float]] = {}
        self._reported: dict[int, int] = {}

    def note(self, partition: int, position: int, readable: int, high: int) -> None:
        """Note how far a partition is read.

        Args:
            partition: its number.
            position: the next offset to read.
            readable: the offset up to which the brokers had all that may be read.
            high: the offset behind the last message.
        """
        if not position == readable < high:
            self._held.pop(partition, None)
            return
        place, since = self._held.setdefault(partition, (position, time.monotonic()))
        if place != position:
            self._held[partition] = position, time.monotonic()
        elif time.monotonic() - since >= HELD_SECONDS and self._reported.get(partition) != place:
            self._reported[partition] = place
            logger.warning(
                "%s[%d] is not read beyond offset %d: a producer has a transaction open there, and "
                "%d offsets wait behind it. Brokers end it after its transaction.timeout.ms; "
                "kafka-transactions.sh find-hanging shows one that they do not end",
                *(self._topic, partition, position, high - position),
            )

    def forget(self, partition: int) -> None:
        """Forget a partition that is not read any more."""
        self._held.pop(partition, None)

"""Commits of a transaction with the group's offsets, as a member of the group's newest generation.

The group moves on at any time: what it does not take any more is written again, as long as nothing
of it belongs to others now.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from confluent_kafka import TopicPartition

from connectors.kafka.membership import GroupMembership
from connectors.kafka.membership_settings import MEMBERSHIP
from connectors.kafka.transaction import Transaction
from connectors.kafka.transaction_errors import GroupMovedError
from engine.domain.errors import ConnectorError, TasksLostError
from pynomaly.plugins import RunContext

logger = logging.getLogger("pynomaly.kafka")

GENERATION_SECONDS = 30.0
"""Time to wait for a new generation of the group."""


class GroupCommit:
    """Commits the transaction of a process.

    Args:
        transaction: of this process.
        context: of this process; the source puts its membership there.
    """

    def __init__(self, transaction: Transaction, context: RunContext) -> None:
        self._transaction = transaction
        self._context = context
        self._losses = 0

    def commit(self, write: Callable[[], list[TopicPartition]]) -> None:
        """Commit what was written.

        Args:
            write: called behind it, perhaps more than once: adds what else belongs to it, and
                returns the offsets of the group.

        Raises:
            TasksLostError: partitions of this process have gone to others.
        """
        membership = self._membership()
        self._raise_if_lost(membership)
        self._transaction.producer.while_waiting = lambda: self._raise_if_lost(membership)
        until = time.monotonic() + GENERATION_SECONDS
        while True:
            try:
                self._transaction.flush()
                self._transaction.commit(write(), membership.metadata())
            except GroupMovedError as error:
                if error.brokers_away:
                    until = time.monotonic() + GENERATION_SECONDS
                self._rewind(membership, until, error)
            else:
                return

    def _rewind(self, membership: GroupMembership, until: float, error: GroupMovedError) -> None:
        """Give the transaction up and wait for the group's new generation, if we are in it."""
        self._raise_if_lost(membership)
        if time.monotonic() > until:
            raise TasksLostError(f"the group does not take our checkpoint: {error}")
        why = "its broker went away" if error.brokers_away else "it has a new generation"
        logger.info("the group did not take a checkpoint (%s): it is written again", why)
        self._transaction.rewind()
        membership.wait_for_change(1.0)

    def _raise_if_lost(self, membership: GroupMembership) -> None:
        """Go back to the last checkpoint where partitions were taken from us without asking.

        What they had led to until then is among what this process is about to publish, and is
        published by whoever has them now.
        """
        if membership.losses != self._losses:
            raise TasksLostError(
                "the group has given partitions of this process to others: their unstored results "
                "are dropped here, and this process resumes from the last checkpoint"
            )

    def _membership(self) -> GroupMembership:
        found: GroupMembership | None = self._context.shared.get(MEMBERSHIP)
        if found is None:
            raise ConnectorError("state in Kafka needs the membership of a Kafka source")
        return found

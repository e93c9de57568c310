"""Membership in the consumer group: the partitions that this process owns now.

A consumer that only holds the membership is polled in a thread of its own; its partitions are
paused, and their messages are read by another consumer of the same group id with assignments of
our own making. So the group's protocol never waits for the dataflow, and a partition is not given
to another process before the dataflow has stored it and let it go.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.client import open_client
from connectors.kafka.membership_settings import (
    INTERVAL,
    PROTOCOL,
    membership_settings,
)
from connectors.kafka.no_partitions import NoPartitions
from connectors.kafka.settings import KafkaSourceSettings
from engine.domain.errors import ConnectorError, RetryableError
from pynomaly.plugins import RunContext

POLL_SECONDS = 0.1
RELEASE_SHARE = 0.8
CLOSE_SECONDS = 10.0
JOIN_SECONDS = 360.0
"""Longer than any rebalance lasts (`max.poll.interval.ms`): a client that hears nothing of its
group for so long, while brokers answer, will not hear of it any more."""
TURNS_TO_LET_GO = 2
"""A dataflow that asked so often, and did not say that it let a partition go, never had it."""


class GroupMembership:
    """This process's membership.

    Attributes:
        fixed: False: partitions come and go.
        losses: how many partitions were taken from us without asking so far.
        errors: what is wrong between us and the brokers.

    All methods but the thread's own are called from the thread of the dataflow.
    """

    fixed = False

    def __init__(self, settings: KafkaSourceSettings, context: RunContext) -> None:
        """Join the group.

        Args:
            settings: of the source.
            context: of this process.
        """
        self._topic = settings.topic
        self._context = context
        count = context.telemetry.source_errors
        self.errors = BrokerErrors("group", lambda kind: count.labels(kind).inc(), context.outages)
        self._changed = threading.Condition()
        self._owned: frozenset[str] = frozenset()
        self._announced: frozenset[str] | None = None
        self._asked: dict[str, int] = {}
        self._lost: set[str] = set()
        self.losses = 0
        self._metadata: Any = None
        self._changes = 0
        self._commits: dict[str, int] = {}
        self._closing = False
        self._waits_since: float | None = None
        self._failure: BaseException | None = None
        chosen = {**self.errors.statistics(), **membership_settings(settings, context)}
        # The newer protocol does not report an empty assignment.
        self._reports_empty = chosen.get(PROTOCOL, "classic") == "classic"
        self._waits_since = time.monotonic() if self._reports_empty else None
        self._join_seconds = max(JOIN_SECONDS, 1.2 * int(chosen[INTERVAL]) / 1_000)
        self._release_seconds = RELEASE_SHARE * int(chosen[INTERVAL]) / 1_000
        chosen["error_cb"] = self.errors.report
        self._consumer = open_client(Consumer, chosen, self.errors)
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        self._idle = NoPartitions(settings, context, self.errors)
        self._thread = threading.Thread(target=self._poll, name="membership", daemon=True)
        self._thread.start()

    def owned(self) -> frozenset[str]:
        """Return the tasks that are this process's, without those that it is asked to release.

        Raises:
            ConnectorError: the membership has failed for good.
            RetryableError: it has failed in a way that a restart cures.
        """
        if self._failure is not None:
            raise ConnectorError(f"the membership in the group has ended: {self._failure}")
        self.errors.raise_if_fatal()
        self._refuse_silence()
        if self._asked:
            with self._changed:
                self._asked = {task: left - 1 for task, left in self._asked.items() if left > 1}
                self._changed.notify_all()
        return self._owned

    def _refuse_silence(self) -> None:
        """Ask for a restart if the group has assigned nothing for long."""
        now = time.monotonic()
        if self._waits_since is None:
            return
        if "source" in self._context.outages:
            # No broker answers anybody.
            self._waits_since = now
        elif now - self._waits_since > self._join_seconds:
            raise RetryableError(
                f"the group has assigned nothing for {now - self._waits_since:.0f} s, though "
                "brokers answer: a new process joins again"
            )

    def lost(self) -> frozenset[str]:
        """Return the tasks that were taken away without asking since the last call."""
        if not self._lost:
            return frozenset()
        with self._changed:
            found = frozenset(self._lost)
            self._lost.clear()
        return found

    def settled(self) -> bool:
        """Whether no partition is being taken from us."""
        return not self._asked

    def released(self, tasks: Sequence[str]) -> None:
        """Report that tasks are checkpointed and released."""
        with self._changed:
            for task in tasks:
                self._asked.pop(task, None)
            self._changed.notify_all()

    def metadata(self) -> Any:
        """Return who we are in the group, of its newest generation; None before the first."""
        return self._metadata

    def wait_for_change(self, seconds: float) -> None:
        """Wait until the group has changed, or for a time: the last description was too old."""
        with self._changed:
            before = self._changes
            self._changed.wait_for(lambda: self._changes != before, seconds)

    def commit(self, positions: Mapping[str, int]) -> None:
        """Commit the offsets of tasks to the group, asynchronously."""
        with self._changed:
            self._commits.update(positions)

    def close(self) -> None:
        """Leave; all tasks have been released before. Never raises."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            logger.warning("could not leave the group in time: its session has to time out")

    def _poll(self) -> None:
        """Run the membership: what the thread does."""
        try:
            while not self._closing:
                message = self.errors.polled(lambda: self._consumer.poll(POLL_SECONDS), None)
                if message is not None and (error := message.error()) is not None:
                    self.errors.report(error)
                self._take_metadata()
                self._commit()
                self._idle.note(self._consumer.memberid, has_some=bool(self._owned))
        except Exception as error:  # noqa: BLE001 - raised by the next call of `owned`
            self._failure = error
            logger.error("the membership in the group has failed: %s", error)
        finally:
            self._consumer.close()

    def _take_metadata(self) -> None:
        # Asked for from another thread than the polling one, it would wait forever.
        self._metadata = self._consumer.consumer_group_metadata()

    def _commit(self) -> None:
        with self._changed:
            positions, self._commits = self._commits, {}
        mine = {task: at for task, at in positions.items() if task in self._owned}
        if mine:
            places = [TopicPartition(self._topic, int(task), at) for task, at in mine.items()]
            try:
                self._consumer.commit(offsets=places, asynchronous=True)
            except KafkaException as error:
                self.errors.report(error.args[0])

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions:
            # An offset of no meaning: nothing is read here, and so none is looked up.
            places = [TopicPartition(part.topic, part.partition, 0) for part in partitions]
            consumer.incremental_assign(places)
            consumer.pause(places)
        self._take_metadata()
        self.errors.recovered()
        self._waits_since = None
        with self._changed:
            self._owned |= _names(partitions)
            self._moved()
        self._report()

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        names = _names(partitions)
        self._take_metadata()
        until = time.monotonic() + self._release_seconds
        with self._changed:
            self._asked |= dict.fromkeys(names & self._owned, TURNS_TO_LET_GO)
            self._owned -= names
            self._moved()
            while self._asked.keys() & names and not self._closing:
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    break
            kept = self._asked.keys() & names
            for name in kept:
                del self._asked[name]
            if not self._closing:
                self._lost |= kept
                self.losses += len(kept)
        if kept and not self._closing:
            logger.warning(
                "partitions %s were revoked before a checkpoint was stored", _listed(kept)
            )
        self._release(consumer, partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        names = _names(partitions)
        with self._changed:
            self._lost |= names
            self.losses += len(names)
            self._owned -= names
            self._waits_since = time.monotonic() if self._reports_empty else None
            self._moved()
        logger.warning(
            "partitions %s are not ours any more: the session in the group timed out, or the topic "
            "is gone. Their unstored results are dropped here",
            _listed(names),
        )
        self._release(consumer, partitions)

    def _release(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if partitions:
            consumer.incremental_unassign(partitions)
        if self._owned:
            self._report()

    def _report(self) -> None:
        if self._owned != self._announced:
            self._announced = self._owned
            logger.info("partitions of this process now: %s", _listed(self._owned))

    def _moved(self) -> None:
        self._changes += 1
        self._changed.notify_all()


def _names(partitions: Iterable[TopicPartition]) -> frozenset[str]:
    return frozenset(str(part.partition) for part in partitions)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names, key=int)) or "none"

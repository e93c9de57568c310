"""The transaction of a process: all its sinks and its state become visible at once.

Records are kept until a checkpoint, or until there are too many, and only then is a transaction
begun: others who read or write the same topics are held up by open ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.kafka.broker_errors import logger
from connectors.kafka.kept_records import KeptRecords
from connectors.kafka.producer import RecordProducer
from connectors.kafka.settings import Value
from connectors.kafka.transaction_errors import (
    MOVED_ON,
    GroupMovedError,
    TimeoutTooLongError,
    raise_if_fenced,
    raise_if_final,
)
from connectors.kafka.watched_steps import TRY_SECONDS, WatchedSteps
from engine.domain.batch import Headers
from engine.domain.errors import ConnectorError, RetryableError
from engine.domain.record import Record
from pynomaly.plugins import RunContext

LAST_SECONDS = 0.5
TIMEOUT_CHECKPOINTS, SHORTEST_TIMEOUT_SECONDS, LONGEST_TIMEOUT_SECONDS = 5, 60.0, 900.0
"""Checkpoints, within these seconds, after which brokers end an abandoned transaction."""
LEAST_SECONDS = 5.0
"""Brokers that do not allow transactions of this length are refused."""


class Transaction:
    """The transactions of one producer, one after the other.

    Attributes:
        id: the transactional id: a process that takes it over fences the one before.
        producer: sends the records.
        held: whether the state store commits it, with the state, and not the sinks.
    """

    def __init__(
        self,
        own_id: str,
        brokers: str,
        settings: Mapping[str, Value],
        context: RunContext,
        who: str,
    ) -> None:
        """Prepare one; nothing is connected yet.

        Args:
            own_id: the transactional id.
            brokers: bootstrap servers.
            settings: librdkafka's, of the pipeline file.
            context: of this process.
            who: name of its owner, for people.
        """
        self.id = own_id
        self.held = False
        self._initialised = False
        self._steps = WatchedSteps(own_id, context)
        checkpoints = TIMEOUT_CHECKPOINTS * context.checkpoint_interval.total_seconds()
        longest = max(SHORTEST_TIMEOUT_SECONDS, checkpoints)
        self._timeout = min(longest, LONGEST_TIMEOUT_SECONDS)
        self._context = context
        self._who = who
        self._records = KeptRecords()
        self._began: float | None = None
        self.producer = RecordProducer(brokers, settings, context, who, self._more(own_id))

    def adapt(self, seconds: float, more: Mapping[str, Value]) -> None:
        """Change settings before it is used.

        Args:
            seconds: time after which brokers end an abandoned transaction.
            more: settings of librdkafka.
        """
        self._timeout = seconds
        self.producer.adapt({**self._more(self.id), **more})

    def fence_previous(self, ids: Sequence[str] = ()) -> None:
        """Fence processes that wrote with this id, or with others; abort their open transactions.

        Done once: sinks and state store share it.
        """
        if self._initialised:
            return
        self.fence(ids)
        while True:
            try:
                self._persist(
                    lambda seconds: self.producer.client.init_transactions(seconds), "beginning"
                )
            except TimeoutTooLongError:
                self._shorten()
            else:
                self._initialised = True
                return

    def fence(self, ids: Sequence[str]) -> None:
        """Fence processes that are gone, and abort their open transactions."""
        for other in ids:
            producer = self.producer.sibling(self._more(other))
            self._persist(producer.client.init_transactions, "beginning")

    def write(self, topic: str, role: str, record: Record, headers: Headers = ()) -> None:
        """Keep a record for the next commit."""
        self._records.add(topic, role, record, headers)
        if self._records.are_many or self._began is not None:
            self.send()
        else:
            self.poll()

    def send(self) -> None:
        """Send what is kept, in a transaction that is open from now on."""
        kept = self._records.take()
        if kept:
            self.begin()
            self._records.keep_sent(kept, repeat=self.held)
        with_cause = self._explained
        for topic, role, record, headers in kept:
            with_cause(lambda t=topic, r=role, o=record, h=headers: self.producer.send(t, r, o, h))  # type: ignore[misc]

    def begin(self) -> None:
        """Begin a transaction unless one is open."""
        if self._began is None:
            self.producer.client.begin_transaction()
            self._began = time.monotonic()

    def put(
        self,
        topic: str,
        partition: int,
        key: bytes,
        value: bytes | None,
        arrived: Callable[[int], object] = int,
    ) -> None:
        """Write a record of our own to a partition of our own; see `RecordProducer.put`."""
        self.begin()
        self._explained(lambda: self.producer.put(topic, partition, key, value, arrived))

    def poll(self) -> None:
        """Serve delivery reports."""
        if self._began is not None:
            self._explained(self.producer.poll)

    def flush(self) -> None:
        """Send what is kept, and wait until it has arrived; it is not visible yet."""
        self.send()
        if self._began is not None:
            self._explained(self.producer.flush)

    def commit(
        self,
        offsets: Sequence[TopicPartition] = (),
        member: Any = None,
    ) -> None:
        """Make what was written visible, however long the brokers take.

        Args:
            offsets: offsets of the group, to be stored with it.
            member: metadata of this member in the newest generation of the group.

        Raises:
            RetryableError: it failed, and nothing of it is visible.
            ConnectorError: another run has fenced this one.
        """
        self.flush()
        if offsets and member is not None:
            self.begin()
            self._send_offsets(offsets, member)
        if self._began is None:
            return
        self._persist(self.producer.client.commit_transaction, "committing")
        logger.debug("transaction %s is committed", self.id)
        self._began = None
        self._records.committed()

    def rewind(self) -> None:
        """Abort the open transaction, and keep its records for the next one.

        Raises:
            RetryableError: it was too large to be kept.
        """
        again = self._records.sent_again()
        self._persist(self.producer.client.abort_transaction, "aborting")
        self._began = None
        self.producer.clear()
        self._records.wait_again(again)

    def abort(self) -> None:
        """Abort an open transaction, which belongs to no checkpoint; never raises."""
        self._records.clear()
        if self._began is not None and not self._steps.stuck:
            try:
                self._steps.abort(self.producer, TRY_SECONDS)
            except KafkaException as error:
                # Not valid in this state: it was aborted when it failed.
                if error.args[0].code() != KafkaError._STATE:
                    self.producer.errors.report(error.args[0])
            self._began = None

    def _more(self, own_id: str) -> dict[str, Value]:
        milliseconds = int(self._timeout * 1_000)
        return {
            "transactional.id": own_id,
            "transaction.timeout.ms": milliseconds,
            # Deliveries must not outlive their transaction.
            "message.timeout.ms": milliseconds,
        }

    def _shorten(self) -> None:
        """Halve the timeout, for brokers that do not allow transactions of this length."""
        if self._timeout <= LEAST_SECONDS:
            raise ConnectorError(
                "the brokers allow no transactions of 5 s: raise their transaction.max.timeout.ms"
            )
        self._timeout = max(self._timeout / 2, LEAST_SECONDS)
        logger.info("%s: transactions may take %.0f s here at most", self._who, self._timeout)
        self.producer.reopen(self._more(self.id))

    def _explained(self, step: Callable[[], object]) -> None:
        """Run a step; replace a failure of purged records by its cause."""
        try:
            step()
        except (ConnectorError, RetryableError):
            failed = self.producer.failure
            for error in (
                failed and failed[0],
                self.producer.errors.fatal_error,
                self._abort_reason(),
            ):
                self._raise_if_fenced(error or None)
            if "fenced" in self.producer.errors.fatal_text:
                self._raise_if_fenced(KafkaError(KafkaError._FENCED))
            raise

    def _abort_reason(self) -> KafkaError | None:
        """Abort; return why that fails: for purged records, the error names the cause."""
        try:
            self._steps.abort(self.producer, LAST_SECONDS)
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            return cause
        return None

    def _persist(self, step: Callable[[float], object], name: str) -> None:
        began = time.monotonic()
        while True:
            self._context.heartbeat.waiting()
            if self._began is None and self._context.draining.is_set():
                raise self._context.stopped("the brokers")
            try:
                self._steps.run(self.producer, lambda: step(TRY_SECONDS), name)
                self.producer.errors.raise_if_fatal()
            except KafkaException as error:
                self._raise_if_final(error.args[0])
                self.producer.mark_blocked(began)
            else:
                self.producer.mark_unblocked()
                return

    def _send_offsets(self, offsets: Sequence[TopicPartition], member: Any) -> None:
        """Put the group's offsets into the transaction, in one attempt.

        A second call after one that failed was seen to wait forever, so all is written again.
        """
        client = self.producer.client
        try:
            self._steps.run(
                self.producer,
                lambda: client.send_offsets_to_transaction([*offsets], member, TRY_SECONDS),
                "sending offsets",
            )
            self.producer.errors.raise_if_fatal()
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.retriable() and error.code() not in MOVED_ON:
                self.producer.errors.report(error)
                raise GroupMovedError(error.str(), brokers_away=True) from failure
            self._raise_if_final(error)

    def _raise_if_final(self, error: KafkaError) -> None:
        raise_if_final(error, self.id, self.producer.errors, self._overdue())

    def _raise_if_fenced(self, error: KafkaError | None) -> None:
        raise_if_fenced(error, self.id, self._overdue())

    def _overdue(self) -> float | None:
        """Return the timeout of a transaction that has been open for longer; else None."""
        if self._began is None or time.monotonic() - self._began <= self._timeout:
            return None
        return self._timeout

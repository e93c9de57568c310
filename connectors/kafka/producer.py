"""A librdkafka producer that tracks the delivery of every record."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from functools import cached_property, partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka.broker_errors import FORGOTTEN, BrokerErrors, logger
from connectors.kafka.client import open_client
from connectors.kafka.refused_record import INTERRUPTED, PURGED, refusal
from connectors.kafka.settings import PRODUCER, Value
from connectors.kafka.stranded import is_stranded
from connectors.kafka.topic_limits import admin_client, largest_batches
from engine.domain.batch import Headers
from engine.domain.errors import RetryableError
from engine.domain.record import Record
from pynomaly.plugins import RunContext

QUEUE_WAIT_SECONDS = 0.1
FLUSH_WAIT_SECONDS = 0.5
"""Seconds between looks at what goes on while waiting for the brokers."""
LONG_WAIT_SECONDS = 5.0
"""Seconds after which the health page reports a wait."""
CAUSE_WAIT_SECONDS, CAUSE_WAITS = 0.1, 10
STRANDED_SECONDS = 30.0
"""Of waiting, between looks at whether the client still knows brokers."""
LOOKUP_SECONDS = 10.0
BATCH_BYTES = 1_000_000
"""Of librdkafka's default; brokers refuse a batch as they refuse a record."""
BATCH_ROOM_BYTES = 1_024
EndOffsets = dict[int, int]
"""For each partition of a topic an offset behind a last record."""


class RecordProducer:
    """Sends records to topics of a cluster; nothing is dropped, however long the brokers take.

    Attributes:
        topics: those that are written to; each is added before the first record is sent.
        ends: for each topic the offsets behind the last records that arrived.
        failure: what a record was refused for, and of which role and topic it was.
        errors: what is wrong between us and the brokers.
        still: asked while waiting for the brokers; raises if there is no use in it any more.
    """

    def __init__(
        self,
        brokers: str,
        settings: Mapping[str, Value],
        context: RunContext,
        who: str,
        more: Mapping[str, Value] | None = None,
    ) -> None:
        """Prepare one; it connects when it is first used.

        Args:
            brokers: bootstrap servers.
            settings: librdkafka's, of the pipeline file.
            context: of this process.
            who: it is for, as logs say it: "sink scores", of which metrics have the role alone.
            more: further settings of librdkafka's.
        """
        self.topics: set[str] = set()
        self.ends: dict[str, EndOffsets] = {}
        self.failure: tuple[KafkaError, str, str] | None = None
        self.while_waiting: Callable[[], object] = int
        self.errors = BrokerErrors(who, self._count, context.outages)
        self._brokers = brokers
        self._settings = settings
        self._more = dict(more or {})
        self._context = context
        self._who = who
        self._label = who.removeprefix("sink ")
        self._looked = 0.0

    @cached_property
    def limits(self) -> dict[str, int]:
        """Bytes of the largest batch that each of the topics takes."""
        admin = admin_client(self._brokers, self._settings, self.errors)
        return largest_batches(admin, sorted(self.topics))

    @cached_property
    def client(self) -> Producer:
        """librdkafka's producer, whose batches all of the topics take."""
        batch = min([BATCH_BYTES, *(limit - BATCH_ROOM_BYTES for limit in self.limits.values())])
        return self._open({"batch.size": max(batch, BATCH_ROOM_BYTES)})

    def reopen(self, more: Mapping[str, Value]) -> None:
        """Start again with other settings; nothing was sent yet."""
        self._more.update(more)
        self.errors.forget()
        del self.client

    def adapt(self, more: Mapping[str, Value]) -> None:
        """Take further settings, before it connects."""
        self._more.update(more)

    def sibling(self, more: Mapping[str, Value]) -> RecordProducer:
        """Return another one with other further settings."""
        return RecordProducer(
            self._brokers, self._settings, self._context, self._who, {**self._more, **more}
        )

    def clear(self) -> None:
        """Forget what was refused: its transaction was given up."""
        self.failure = None

    def probe(self) -> Producer:
        """Return a producer to ask the cluster with, before it is known to be there."""
        return self.__dict__.get("client") or self._open({})

    def send(self, topic: str, role: str, record: Record, more: Headers = ()) -> None:
        """Queue a record; a full queue is waited for.

        Args:
            topic: where to.
            role: whose it is, for the metrics.
            record: the record.
            more: headers to add to the record's own.

        Raises:
            ConnectorError: this record, or one before it, was refused.
        """
        began: float | None = None
        while True:
            try:
                self.client.produce(
                    topic,
                    record.value,
                    record.key,
                    headers=[*record.headers, *more],
                    timestamp=max(record.timestamp, 0) // 1_000_000,
                    on_delivery=partial(self._delivered, topic, role),
                )
            except BufferError:
                began = began or time.monotonic()
                self._context.telemetry.sink_waits.labels(role).inc()
                self._serve(QUEUE_WAIT_SECONDS)
                self.mark_blocked(began)
            except KafkaException as error:
                self._refuse(error.args[0], topic, role)
            else:
                break
        if began is not None:
            self.mark_unblocked()

    def put(
        self,
        topic: str,
        partition: int,
        key: bytes,
        value: bytes | None,
        arrived: Callable[[int], object] = int,
    ) -> None:
        """Queue a record of our own for a partition of our own; a full queue is waited for.

        Args:
            topic: where to.
            partition: of it.
            key: of the record.
            value: of the record; None removes the record of the key.
            arrived: called with the offset.
        """
        began = time.monotonic()
        while True:
            try:
                self.client.produce(
                    topic, value, key, partition, on_delivery=partial(self._stored, topic, arrived)
                )
                return
            except BufferError:
                self._serve(QUEUE_WAIT_SECONDS)
                self.mark_blocked(began)
            except KafkaException as error:
                self._refuse(error.args[0], topic, self._who)

    def learn(self, topic: str, partitions: int) -> None:
        """Wait until the client knows so many partitions of a topic, which may just have got them.

        A client refuses a partition that it does not know of, and asks again only in minutes.
        """
        began = time.monotonic()
        while len(self._partitions_of(topic)) < partitions:
            self.mark_blocked(began)
            time.sleep(QUEUE_WAIT_SECONDS)
        self.mark_unblocked()

    def poll(self) -> None:
        """Serve delivery reports."""
        if "client" in self.__dict__:
            self._serve(0)
            self.raise_failure()

    def flush(self) -> None:
        """Wait until everything has arrived, however long the brokers take."""
        if "client" not in self.__dict__:
            return
        began = time.monotonic()
        while self._flush_some():
            self.mark_blocked(began)
        self.mark_unblocked()
        self.raise_failure()

    def close(self) -> None:
        """Give what was written a last moment to arrive; never raises."""
        if "client" in self.__dict__ and (left := self._flush_some()):
            logger.warning("%s: %d records have not arrived", self._who, left)

    def mark_blocked(self, began: float) -> None:
        """Show that we wait for the brokers, since `began` on the monotonic clock."""
        self._context.heartbeat.waiting()
        self.while_waiting()
        seconds = time.monotonic() - began
        self._context.telemetry.sink_blocked.labels(self._label).set(seconds)
        if seconds > LONG_WAIT_SECONDS:
            why = f": {self.errors.cause}" if self.errors.cause else ""
            self._context.outages[self._who] = (
                f"no answer from the brokers for {seconds:.0f} s{why}"
            )
        self.raise_failure()
        if time.monotonic() - max(began, self._looked) > STRANDED_SECONDS:
            self._looked = time.monotonic()
            self._refuse_stranded()

    def mark_unblocked(self) -> None:
        """Show that we do not wait any more."""
        self._context.telemetry.sink_blocked.labels(self._label).set(0)
        self._context.outages.pop(self._who, None)

    def raise_failure(self) -> None:
        """Raise what a record was refused for, if one was.

        Raises:
            RetryableError: a restart cures it.
            ConnectorError: only a change of rights, limits or settings cures it.
        """
        if self.failure is not None:
            self._wait_for_cause()
        self.errors.raise_if_fatal()
        if self.failure is None:
            return
        error, topic, role = self.failure
        limit = self.limits.get(topic) if error.code() == KafkaError.MSG_SIZE_TOO_LARGE else None
        raise refusal(error, topic, role, limit)

    def _partitions_of(self, topic: str) -> Collection[int]:
        try:
            found: Collection[int] = (
                self.client.list_topics(topic, LOOKUP_SECONDS).topics[topic].partitions
            )
        except KafkaException as error:
            self.errors.report(error.args[0])
            self.errors.raise_if_fatal()
            return ()
        return found

    def _wait_for_cause(self) -> None:
        """Serve reports for a second at most, until one names what others were broken off for."""
        for _ in range(CAUSE_WAITS):
            known = self.failure is not None and self.failure[0].code() not in INTERRUPTED
            if known or self.errors.fatal_error is not None:
                return
            self._serve(CAUSE_WAIT_SECONDS)

    def _refuse(self, error: KafkaError, topic: str, role: str) -> None:
        """Raise why the client takes no record."""
        if error.code() == KafkaError._STATE:
            # An earlier record of the transaction was refused: its report names the cause.
            self._wait_for_cause()
        self.failure = self.failure or (error, topic, role)
        self.raise_failure()

    def _refuse_stranded(self) -> None:
        fresh = admin_client(self._brokers, self._settings, self.errors)
        if "client" in self.__dict__ and is_stranded(self.client, fresh):
            raise RetryableError(
                f"{self._who}: {FORGOTTEN}. What has not arrived is written again after a restart"
            )

    def _open(self, chosen: Mapping[str, Value]) -> Producer:
        return open_client(
            Producer,
            {
                **PRODUCER,
                "error_cb": self.errors.report,
                **chosen,
                **self._settings,
                **self._more,
                "bootstrap.servers": self._brokers,
            },
            self.errors,
        )

    def _serve(self, seconds: float) -> None:
        self.errors.polled(lambda: self.client.poll(seconds), 0)

    def _flush_some(self) -> int:
        """Return how many records have not arrived yet, after a moment's wait."""
        return self.errors.polled(lambda: self.client.flush(FLUSH_WAIT_SECONDS), len(self.client))

    def _delivered(self, topic: str, role: str, error: KafkaError | None, message: Message) -> None:
        if error is None:
            partition, offset = message.partition() or 0, message.offset() or 0
            ends = self.ends.setdefault(topic, {})
            ends[partition] = max(ends.get(partition, 0), offset + 1)
            self._context.telemetry.delivered.labels(role).inc()
            self.errors.recovered()
        else:
            self._failed(error, topic, role)

    def _stored(
        self,
        topic: str,
        arrived: Callable[[int], object],
        error: KafkaError | None,
        message: Message,
    ) -> None:
        if error is None:
            arrived(message.offset() or 0)
            self.errors.recovered()
        else:
            self._failed(error, topic, self._who)

    def _failed(self, error: KafkaError, topic: str, role: str) -> None:
        # One that was purged failed because of another, which may be reported later.
        was_interrupted = self.failure is not None and self.failure[0].code() in INTERRUPTED
        if self.failure is None or (was_interrupted and error.code() not in PURGED):
            self.failure = error, topic, role
        if error.code() not in PURGED:
            self.errors.report(error, retried=error.code() in INTERRUPTED)

    def _count(self, kind: str) -> None:
        self._context.telemetry.sink_errors.labels(self._label, kind).inc()

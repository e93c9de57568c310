"""The writer: an idempotent producer that knows of every record whether it arrived."""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.client import open_client
from connectors.kafka.metadata import reach_once, wait_for_partitions
from connectors.kafka.settings import PRODUCER, KafkaSinkSettings, Value, shared_settings
from engine.application.ports import RunContext
from engine.domain.batch import Headers
from engine.domain.errors import ConnectorError, InterruptionError
from engine.domain.record import Record

QUEUE_WAIT = 0.1
FLUSH_WAIT = 0.5
"""Seconds between looks at what goes on while waiting for the brokers."""
LONG_WAIT = 5.0
"""Seconds after which the health page speaks of a wait."""
CAUSE_WAIT = 0.1
CONFIG_SECONDS = 10.0
USUAL_LIMIT = 1_048_588
"""Bytes a record of a topic may have unless its brokers say something else."""
OVERHEAD = 512
"""Bytes of a record beside key, value and headers, generously."""
INTERRUPTED = {
    KafkaError._MSG_TIMED_OUT,
    KafkaError._PURGE_QUEUE,
    KafkaError._PURGE_INFLIGHT,
    KafkaError.TRANSACTION_ABORTABLE,
    KafkaError.INVALID_TXN_STATE,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
    KafkaError.UNKNOWN_PRODUCER_ID,
}
"""Failures of a record that a restart cures."""


class Writer:
    """Writes records to a topic; nothing is dropped, however long the brokers take.

    Args of its constructor: settings and role, of the sink; context; more, further settings of
    librdkafka.

    Attributes:
        producer: librdkafka's.
        ends: for each partition the offset behind the last record that arrived.
        failure: what a record was refused for.
        troubles: what is wrong between us and the brokers.
    """

    def __init__(
        self,
        settings: KafkaSinkSettings,
        context: RunContext,
        role: str,
        more: dict[str, Value] | None = None,
    ) -> None:
        self._settings = settings
        self._topic = settings.topic
        self._limit: int | None = None
        self._context = context
        self._role = role
        self.failure: KafkaError | None = None
        self.ends: dict[int, int] = {}
        self.troubles = BrokerErrors(f"sink {role}", self._count, context.outages)
        self.producer = open_client(
            Producer,
            {
                **PRODUCER,
                "error_cb": self.troubles.note,
                **settings.settings,
                **(more or {}),
                "bootstrap.servers": settings.brokers,
            },
            self.troubles,
        )

    def check(self) -> None:
        """Ask once for the topic.

        Raises:
            ConnectorError: no broker answers, or there is no such topic.
        """
        reach_once(self.producer, self._topic, self.troubles, self._settings.brokers)

    def open(self) -> None:
        """Wait until the brokers answer and the topic is there."""
        wait_for_partitions(self.producer, self._topic, self.troubles, self._context)
        if self._role == "dead_letters":
            self._limit = self._largest()

    def write(self, record: Record, more: Headers = ()) -> None:
        """Queue a record; a full queue is waited for.

        Args:
            record: what to write.
            more: headers to add to the record's own.

        Raises:
            ConnectorError: this record, or one before it, was refused.
        """
        began: float | None = None
        record = self._fitting(record)
        while True:
            try:
                self.producer.produce(
                    self._topic,
                    record.value,
                    record.key,
                    headers=[*record.headers, *more],
                    timestamp=max(record.timestamp, 0) // 1_000_000,
                    on_delivery=self._delivered,
                )
            except BufferError:
                began = began or time.monotonic()
                self._context.telemetry.sink_waits.labels(self._role).inc()
                self._serve(QUEUE_WAIT)
                self.waiting(began)
            except KafkaException as error:
                self.failure = error.args[0]
                self._refuse_failure()
            else:
                break
        if began is not None:
            self.waited()

    def poll(self) -> None:
        """Take note of what has arrived."""
        self._serve(0)
        self._refuse_failure()

    def _serve(self, seconds: float) -> None:
        self.troubles.served(lambda: self.producer.poll(seconds), 0)

    def flush(self) -> None:
        """Wait until everything has arrived, however long the brokers take."""
        began = time.monotonic()
        while self._flush_some():
            self.waiting(began)
        self.waited()
        self._refuse_failure()

    def close(self) -> None:
        """Give what was written a last moment to arrive; never raises."""
        if left := self._flush_some():
            logger.warning(
                "%d records of %s have not arrived: they are written again after a restart",
                *(left, self._role),
            )

    def _flush_some(self) -> int:
        """Return how many records have not arrived yet, after a moment's wait."""
        return self.troubles.served(lambda: self.producer.flush(FLUSH_WAIT), len(self.producer))

    def waiting(self, began: float) -> None:
        """Show that we wait for the brokers, since `began` on the monotonic clock."""
        self._context.heartbeat.wait()
        waited = time.monotonic() - began
        self._context.telemetry.sink_blocked.labels(self._role).set(waited)
        if waited > LONG_WAIT:
            who = f"sink {self._role}"
            why = f": {self.troubles.cause}" if self.troubles.cause else ""
            self._context.outages[who] = f"no answer from the brokers for {waited:.0f} s{why}"
        self._refuse_failure()

    def waited(self) -> None:
        """Show that we do not wait any more."""
        self._context.telemetry.sink_blocked.labels(self._role).set(0)
        self._context.outages.pop(f"sink {self._role}", None)

    def _fitting(self, record: Record) -> Record:
        """Return a record that the topic takes: what is too large must not stop the stream."""
        if self._limit is None or record.value is None:
            return record
        headers = sum(len(name) + len(value or b"") + 8 for name, value in record.headers)
        room = max(0, self._limit - OVERHEAD - len(record.key or b"") - headers)
        if len(record.value) <= room:
            return record
        whole = ("pynomaly-truncated", b"%d" % len(record.value))
        return replace(record, value=record.value[:room], headers=(*record.headers, whole))

    def _largest(self) -> int:
        """Return the bytes of the largest record that the topic takes."""
        try:
            topic = ConfigResource(ResourceType.TOPIC, self._topic)
            admin = AdminClient(
                {
                    **shared_settings(self._settings.settings),
                    "bootstrap.servers": self._settings.brokers,
                },
                logger=logger,
            )
            found = admin.describe_configs([topic], request_timeout=CONFIG_SECONDS)
            return int(found[topic].result(CONFIG_SECONDS)["max.message.bytes"].value)
        except (KafkaException, FutureTimeout) as error:
            logger.info("the limit of %s is not known (%s): taken as usual", self._topic, error)
            return USUAL_LIMIT

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            partition, offset = message.partition() or 0, message.offset() or 0
            self.ends[partition] = max(self.ends.get(partition, 0), offset + 1)
            self._context.telemetry.delivered.labels(self._role).inc()
            self.troubles.over()
        else:
            self.failure = self.failure or error
            self.troubles.note(error)

    def _refuse_failure(self) -> None:
        interrupted = self.failure is not None and self.failure.code() in INTERRUPTED
        if interrupted and self.troubles.hopeless is None:
            # What was purged says nothing of why; that is told apart.
            self._serve(CAUSE_WAIT)
        self.troubles.raise_if_fatal()
        if self.failure is not None and interrupted:
            raise InterruptionError(
                f"writing {self._role} to {self._topic} was broken off: {self.failure.str()}. Its "
                "records are written again after a restart"
            )
        if self.failure is not None:
            raise ConnectorError(
                f'a record of {self._role} was refused by topic "{self._topic}": '
                f"{self.failure.str()}. It is written again when the pipeline resumes"
            )

    def _count(self, kind: str) -> None:
        self._context.telemetry.sink_errors.labels(self._role, kind).inc()

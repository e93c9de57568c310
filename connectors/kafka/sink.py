"""The Kafka sink: an idempotent producer that knows of every record whether it arrived."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.kafka.reach import partitions, refuse_hopeless, wait_for_partitions
from connectors.kafka.settings import PRODUCER, KafkaSinkSettings
from connectors.kafka.troubles import Troubles, logger
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError
from engine.domain.record import Record

PARTS = 8
"""Parts of the sink that workers share out: a fixed number, so that processes can come and go."""
QUEUE_WAIT = 0.1
FLUSH_WAIT = 0.5


class KafkaSink:
    """The plug-in behind `sinks: {...: {kafka: ...}}`."""

    Settings = KafkaSinkSettings

    def __init__(self, settings: KafkaSinkSettings, context: RunContext, role: str) -> None:
        self._settings = settings
        self._context = context
        self._role = role
        self._failure: KafkaError | None = None
        self._troubles = Troubles(f"sink {role}", self._count)
        self._checked = False

    def sink(self) -> PartitionedSink:
        """Return the Bytewax sink."""
        return PartitionedSink(self)

    def check(self) -> None:
        """Raise ConnectorError when no broker answers, or there is no such topic."""
        try:
            partitions(self._producer, self._settings.topic, timeout=10.0)
        except KafkaException as error:
            raise ConnectorError(
                f"{self._settings.brokers}: {error.args[0].str()}. Is a broker listening there?"
            ) from error

    def open(self) -> None:
        """Wait until the brokers answer and the topic is there."""
        if not self._checked:
            topic, stop = self._settings.topic, self._context.draining
            wait_for_partitions(self._producer, topic, self._troubles, stop)
            self._checked = True

    def write(self, record: Record) -> None:
        """Queue a record; a full queue is waited for."""
        while True:
            try:
                self._producer.produce(
                    self._settings.topic,
                    record.value,
                    record.key,
                    headers=list(record.headers),
                    timestamp=max(record.timestamp, 0) // 1_000_000,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._context.telemetry.sink_waits.labels(self._role).inc()
                self._producer.poll(QUEUE_WAIT)
                self._refuse_failure()
            except KafkaException as error:
                self._failure = error.args[0]
                self._refuse_failure()
            else:
                return

    def poll(self) -> None:
        """Take note of what has arrived."""
        self._producer.poll(0)
        self._refuse_failure()

    def flush(self) -> None:
        """Wait until everything has arrived, however long the brokers take."""
        while self._producer.flush(FLUSH_WAIT):
            self._refuse_failure()
        self._refuse_failure()

    @cached_property
    def _producer(self) -> Producer:
        return Producer(
            {
                **PRODUCER,
                "error_cb": self._troubles.note,
                **self._settings.settings,
                "bootstrap.servers": self._settings.brokers,
            },
            logger=logger,
        )

    def _delivered(self, error: KafkaError | None, _message: Any) -> None:
        if error is None:
            self._context.telemetry.delivered.labels(self._role).inc()
            self._troubles.over()
        else:
            self._failure = error
            self._troubles.note(error)

    def _refuse_failure(self) -> None:
        refuse_hopeless(self._troubles)
        if self._failure is not None:
            raise ConnectorError(
                f'a record of {self._role} was refused by topic "{self._settings.topic}": '
                f"{self._failure.str()}. It is written again when the pipeline resumes"
            )

    def _count(self, kind: str) -> None:
        self._context.telemetry.sink_errors.labels(self._role, kind).inc()


class PartitionedSink(FixedPartitionedSink[list[Record], None]):
    """Bytewax's side of the sink."""

    def __init__(self, kafka: KafkaSink) -> None:
        self._kafka = kafka

    def list_parts(self) -> list[str]:
        """Return the names of the parts."""
        return [str(part) for part in range(PARTS)]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> SinkPart:
        """Open a part: all parts of a process share its producer."""
        self._kafka.open()
        return SinkPart(self._kafka)


class SinkPart(StatefulSinkPartition[list[Record], None]):
    """One part of the sink."""

    def __init__(self, kafka: KafkaSink) -> None:
        self._kafka = kafka

    def write_batch(self, values: list[list[Record]]) -> None:
        """Queue records, in their order."""
        for records in values:
            for record in records:
                self._kafka.write(record)
        self._kafka.poll()

    def snapshot(self) -> None:
        """Wait for everything written: it belongs to the epoch that is about to be stored."""
        self._kafka.flush()

    def close(self) -> None:
        """Wait for everything written."""
        self._kafka.flush()

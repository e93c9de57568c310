"""The writer of a sink: sends its records to its topic."""

from __future__ import annotations

from dataclasses import replace

from connectors.kafka.encoding import Encoder
from connectors.kafka.metadata import reach_once, wait_for_partitions
from connectors.kafka.producer import RecordProducer
from connectors.kafka.settings import KafkaSinkSettings
from connectors.kafka.topic_limits import USUAL_LIMIT_BYTES
from engine.domain.batch import Headers
from engine.domain.names import DEAD_LETTERS, TRUNCATED_HEADER, role_of
from engine.domain.record import Record
from pynomaly.plugins import RunContext

OVERHEAD_BYTES = 512
"""Bytes of a record beside key, value and headers, generously."""


class Writer:
    """Writes records of a role to a topic.

    Attributes:
        producer: what sends them; other sinks of this process may share it.
    """

    def __init__(
        self,
        settings: KafkaSinkSettings,
        context: RunContext,
        role: str,
        producer: RecordProducer | None = None,
    ) -> None:
        """Prepare it.

        Args:
            settings: of the sink.
            context: of this process.
            role: of the sink.
            producer: one that is shared; one of its own unless given.
        """
        self._settings = settings
        self._topic = settings.topic
        self._context = context
        self._role = role
        self._limit: int | None = None
        self.producer = producer or RecordProducer(
            settings.brokers, settings.settings, context, f"sink {role}"
        )
        self.producer.topics.add(settings.topic)
        self._encoder = Encoder(
            role, settings.topic, context.pipeline, settings.format, settings.cloudevents
        )

    def check(self) -> None:
        """Ask once for the topic.

        Raises:
            ConnectorError: no broker answers, or there is no such topic.
        """
        client = self.producer.probe()
        reach_once(client, self._topic, self.producer.errors, self._settings.brokers)
        self._encoder.check()

    def open(self) -> None:
        """Wait until the brokers answer and the topic is there."""
        client = self.producer.probe()
        wait_for_partitions(client, self._topic, self.producer.errors, self._context)
        self._encoder.open()
        if role_of(self._role) == DEAD_LETTERS:
            self._limit = self.producer.limits.get(self._topic, USUAL_LIMIT_BYTES)

    def write(self, record: Record, more: Headers = ()) -> None:
        """Queue a record; a full queue is waited for.

        Args:
            record: the record.
            more: headers to add to the record's own.

        Raises:
            ConnectorError: this record, or one before it, was refused.
        """
        self.producer.send(self._topic, self._role, self.fitting(record), more)

    def fitting(self, record: Record) -> Record:
        """Return a record as the topic takes it: what is too large must not stop the stream."""
        record = self._encoder.encoded(record)
        if self._limit is None or record.value is None:
            return record
        headers = sum(len(name) + len(value or b"") + 8 for name, value in record.headers)
        room = max(0, self._limit - OVERHEAD_BYTES - len(record.key or b"") - headers)
        if len(record.value) <= room:
            return record
        whole = (TRUNCATED_HEADER, b"%d" % len(record.value))
        return replace(record, value=record.value[:room], headers=(*record.headers, whole))

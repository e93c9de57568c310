"""The control log in Kafka: one partition of a compacted topic, which all instances follow.

Each record has a key of its own, so that compaction removes none. The first message says which log
this is: a topic that is created again is another one.
"""

from __future__ import annotations

import secrets
import time

import orjson
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka import Producer as KafkaProducer

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.client import open_client
from connectors.kafka.settings import PRODUCER, KafkaControlSettings, shared_settings
from connectors.kafka.state_topic import prepare_state_topic
from engine.domain.errors import ConnectorError
from pynomaly.plugins import RunContext

BATCH_RECORDS = 1_000
POLL_SECONDS = 0.1
RETRY_SECONDS = 10.0
"""Between two attempts to reach the brokers, which hold up the stream."""
WRITE_SECONDS, ANSWER_SECONDS = 10.0, 2.0
HEAD = "pynomaly_control"


class KafkaControlLog:
    """A process's side of the log; see `ControlLogPlugin`."""

    Settings = KafkaControlSettings

    def __init__(self, settings: KafkaControlSettings, context: RunContext) -> None:
        """Prepare it; it connects when it is read.

        Args:
            settings: of the log.
            context: of this process.
        """
        self.where = f"topic {settings.topic}"
        self.id = ""
        self._settings = settings
        self._context = context
        self._errors = BrokerErrors("control log", lambda _kind: None)
        self._consumer: Consumer | None = None
        self._found: list[tuple[int, bytes]] = []
        self._next = 0
        self._at_end = False
        self._try_at = 0.0
        self._refused: ConnectorError | None = None

    def read(self, wait: float) -> list[tuple[int, bytes]]:
        """Return the records that have come since, with their numbers; see `ControlLogPlugin`."""
        consumer = self._open(wait)
        until = time.monotonic() + wait
        if wait > 0:
            self._at_end = self._next >= self._end(consumer, until)
        while True:
            for message in consumer.consume(BATCH_RECORDS, timeout=POLL_SECONDS if wait else 0.0):
                self._take(message)
            if self._at_end or time.monotonic() >= until or self._context.draining.is_set():
                break
            self._context.heartbeat.waiting()
        if wait and not self._at_end and not self._context.draining.is_set():
            raise ConnectorError(f"{self.where}: {self._why()}: its end was not reached")
        found, self._found = self._found, []
        return found

    def append(self, line: bytes) -> int:
        """Append a record; return its number; see `ControlLogPlugin`."""
        if not self.id:
            head = {HEAD: 1, "log": secrets.token_hex(8)}
            self._write(orjson.dumps(head))
            self._at_end = False
        return self._write(line)

    def check(self) -> None:
        """Make sure that the topic keeps what is written, if it is there."""
        self._prepare(make=0)

    def _prepare(self, make: int) -> None:
        chosen = self._settings
        place = chosen.brokers, chosen.settings, chosen.topic
        try:
            prepare_state_topic(*place, None, self._errors, make=make, role="control")
        except KafkaException as error:
            self._errors.report(error.args[0])
            raise ConnectorError(f"{chosen.brokers}: {self._why()}") from error

    def close(self) -> None:
        """Leave the cluster."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _open(self, wait: float) -> Consumer:
        """Return the consumer; raise the last error if it is not yet time to try again."""
        if self._consumer is not None:
            return self._consumer
        if self._refused is not None and not wait and time.monotonic() < self._try_at:
            raise self._refused
        self._try_at = time.monotonic() + RETRY_SECONDS
        try:
            self._prepare(make=1)
        except ConnectorError as error:
            self._refused = error
            raise
        chosen = self._settings
        config = {
            **shared_settings(chosen.settings),
            "bootstrap.servers": chosen.brokers,
            "group.id": f"pynomaly-control-{self._context.pipeline}",
            "enable.auto.commit": False,
            # Of a topic that was created again, or whose beginning is gone.
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "reconnect.backoff.max.ms": 1_000,
            "error_cb": self._errors.report,
        }
        self._consumer = open_client(Consumer, config, self._errors)
        self._consumer.assign([TopicPartition(chosen.topic, 0, OFFSET_BEGINNING)])
        return self._consumer

    def _end(self, consumer: Consumer, until: float) -> int:
        """Return where the topic ends now; one that was just made may have no leader yet."""
        place = TopicPartition(self._settings.topic, 0)
        while True:
            self._context.heartbeat.waiting()
            try:
                _, end = consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS)
            except KafkaException as error:
                if time.monotonic() >= until or self._context.draining.is_set():
                    self._errors.report(error.args[0])
                    raise ConnectorError(f"{self._settings.brokers}: {self._why()}") from error
                self._context.draining.wait(POLL_SECONDS)
            else:
                return end

    def _take(self, message: Message) -> None:
        """Note a message as a numbered record, if it is one."""
        error, offset = message.error(), message.offset() or 0
        if error is not None:
            self._at_end |= error.code() == KafkaError._PARTITION_EOF
            if error.code() != KafkaError._PARTITION_EOF:
                self._errors.report(error)
            return
        self._errors.recovered()
        if offset < self._next:
            # The topic was created again.
            self.id, self._found = "", []
        self._next = offset + 1
        value = message.value() or b""
        own = _log_id(value)
        if own and not self.id:
            self.id = own
        elif self.id and not own:
            self._found.append((offset, value))

    def _write(self, value: bytes) -> int:
        config = {
            **PRODUCER,
            **shared_settings(self._settings.settings),
            "bootstrap.servers": self._settings.brokers,
            "message.timeout.ms": int(WRITE_SECONDS * 1_000),
            "acks": "all",
            "error_cb": self._errors.report,
        }
        producer = open_client(KafkaProducer, config, self._errors)
        reports: list[tuple[KafkaError | None, Message]] = []
        producer.produce(
            self._settings.topic,
            value,
            secrets.token_bytes(16),
            partition=0,
            on_delivery=lambda error, message: reports.append((error, message)),
        )
        producer.flush(WRITE_SECONDS + 1)
        if not reports or reports[0][0] is not None:
            why = reports[0][0].str() if reports and reports[0][0] is not None else self._why()
            raise ConnectorError(f"{self.where}: the record was not written: {why}. Try again")
        return reports[0][1].offset() or 0

    def _why(self) -> str:
        return self._errors.cause or "no broker answers"


def _log_id(value: bytes) -> str:
    """Return the id of a log, if this is a message that begins one."""
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return ""
    begins = isinstance(found, dict) and found.get(HEAD) == 1
    return str(found.get("log", "")) if begins else ""

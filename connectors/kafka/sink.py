"""The Kafka sink: at least once by default, exactly once if the pipeline file sets it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.rights import require_topic, require_transactions
from connectors.kafka.settings import KafkaSinkSettings, shared_settings
from connectors.kafka.shared_transaction import id_prefix
from connectors.kafka.topic_limits import admin_client
from connectors.kafka.topic_records import records as records_of
from connectors.kafka.transactional_sink import TransactionalSink
from connectors.kafka.writer import Writer
from engine.domain.errors import ConnectorError
from engine.domain.record import Record
from pynomaly.plugins import RunContext


class KafkaSink:
    """The plug-in behind `sinks: {...: {kafka: ...}}`."""

    Settings = KafkaSinkSettings
    exactly_once = True
    shares_transaction = True

    def __init__(self, settings: KafkaSinkSettings, context: RunContext, role: str) -> None:
        self._settings = settings
        self._context = context
        self._role = role

    def sink(self) -> FixedPartitionedSink[list[Record], Any]:
        """Return the Bytewax sink."""
        if self._context.exactly_once:
            return TransactionalSink(self._settings, self._context, self._role)
        return IdempotentSink(Writer(self._settings, self._context, self._role))

    def check(self) -> None:
        """Raise ConnectorError when no broker answers, or the topic is not there or not ours."""
        settings, context = self._settings, self._context
        writer = Writer(settings, context, self._role)
        writer.check()
        errors = writer.producer.errors
        admin = admin_client(settings.brokers, settings.settings, errors)
        reads_back = context.exactly_once and context.state is not None
        require_topic(admin, settings.topic, ["WRITE", *(["READ"] if reads_back else [])])
        if context.exactly_once:
            require_transactions(settings.brokers, settings.settings, id_prefix(context), errors)

    def followed_by(self) -> tuple[str, dict[str, Any]]:
        """Return the name and the settings of the source that reads what it writes.

        Raises:
            ConnectorError: it writes another format than JSON alone.
        """
        settings = self._settings
        if settings.format is not None:
            raise ConnectorError(
                f"topic {settings.topic}: only sinks without `format` can be followed"
            )
        return "kafka", {
            "brokers": settings.brokers,
            "topic": settings.topic,
            "start": "earliest",
            "on_missing_offset": "earliest",
            "settings": shared_settings(settings.settings),
        }

    def written(self) -> Iterator[Record]:
        """Yield the records that lie in the topic."""
        return records_of(self._settings, BrokerErrors(f"sink {self._role}", _ignore))

    def newest(self, count: int) -> Iterator[Record]:
        """Yield the records at the last so many offsets of each partition."""
        return records_of(self._settings, BrokerErrors(f"sink {self._role}", _ignore), count)


def _ignore(_name: str) -> None:
    """Errors are raised where they end the command; there are no metrics then."""


class IdempotentSink(FixedPartitionedSink[list[Record], None]):
    """At least once: records are seen at once."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def list_parts(self) -> list[str]:
        """Return the name of the one part."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: object) -> IdempotentPart:
        """Open the part, once the brokers answer."""
        self._writer.open()
        return IdempotentPart(self._writer)


class IdempotentPart(StatefulSinkPartition[list[Record], None]):
    """The part of a process."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def write_batch(self, values: list[list[Record]]) -> None:
        """Queue records, in their order."""
        for records in values:
            for record in records:
                self._writer.write(record)
        self._writer.producer.poll()

    def snapshot(self) -> None:
        """Wait for everything written: it belongs to the epoch that is about to be stored."""
        self._writer.producer.flush()

    def close(self) -> None:
        """Hand over what was written, unless it cannot be; a checkpoint has waited for the rest."""
        self._writer.producer.close()

"""The plug-in behind `event.repartition: {kafka: ...}`: messages are re-keyed through a topic.

A stage of its own reads the source as its consumer group, and writes each message as it came, keyed
by its entity, to the repartition topic; its positions are committed in the same transaction. The
partitions of that topic are the tasks of the pipeline then.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from pydantic import Field

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.offset_store import OffsetStore
from connectors.kafka.repartition_source import RepartitionSource, RepartitionSourceSettings
from connectors.kafka.repartition_topic import RepartitionTopic
from connectors.kafka.rights import require_group, require_topic, require_transactions
from connectors.kafka.settings import KafkaSourceSettings
from connectors.kafka.shared_transaction import INSTANCE, id_prefix, shared_transaction
from connectors.kafka.source import KafkaSource
from connectors.kafka.topic_limits import admin_client
from connectors.kafka.transaction import Transaction
from engine.domain.names import REPARTITION
from engine.domain.record import Record
from pynomaly.plugins import RunContext, Settings

TRANSACTION_SECONDS = 15.0
"""After which brokers end a transaction of a host that is gone: until then its partitions wait."""
FETCHED = {"fetch.message.max.bytes": 65_536, "queued.min.messages": 5_000}
"""Of librdkafka: how far one partition may be read ahead of the others."""


class KafkaRepartitionSettings(Settings):
    """A topic that messages are re-keyed through."""

    topic: str = Field(min_length=1)
    """The topic, of the source's brokers; made when it is missing, with as many partitions as the
    source."""


class KafkaRepartition:
    """The plug-in.

    Args:
        settings: of the topic.
        source: of the source.
        context: of a process that re-keys.
    """

    Settings = KafkaRepartitionSettings

    def __init__(
        self, settings: KafkaRepartitionSettings, source: KafkaSourceSettings, context: RunContext
    ) -> None:
        self._topic = settings.topic
        self._source = source
        self._context = context

    @staticmethod
    def task_source(
        settings: KafkaRepartitionSettings, source: KafkaSourceSettings
    ) -> tuple[type[RepartitionSource], RepartitionSourceSettings]:
        """Return the source whose partitions are the tasks: the repartition topic.

        What the source's `start` leaves out never comes here.
        """
        given = source.model_dump(exclude={"topic", "start"})
        return RepartitionSource, RepartitionSourceSettings(
            topic=settings.topic,
            start="earliest" if source.start == "earliest" else "committed",
            original=source.topic,
            **given,
        )

    def source(self) -> KafkaSource:
        """Return what reads the messages that are to be re-keyed."""
        chosen = {**FETCHED, **self._source.settings}
        return KafkaSource(self._source.model_copy(update={"settings": chosen}), self._context)

    def store(self) -> OffsetStore:
        """Return where positions are kept; made before the sinks, which write in its transaction.

        Its transactional id is that of the process before, if that belonged to the same run: what
        that left open is ended at once.
        """
        run = self._context.run or secrets.token_hex(4)
        self._context.shared[INSTANCE] = f"{REPARTITION}-{run}-{self._context.process}"
        transaction = self._transaction()
        # Kafka's own way from a key to a partition, whoever else writes to the topic.
        transaction.adapt(TRANSACTION_SECONDS, {"partitioner": "murmur2_random"})
        transaction.producer.topics.add(self._topic)
        return OffsetStore(transaction, self._source.brokers, self._source.settings, self._context)

    def sink(self) -> FixedPartitionedSink[list[Record], Any]:
        """Return what writes re-keyed messages."""
        return _Sink(self._repartition_topic(), self._topic, self._transaction(), self._context)

    def check(self) -> None:
        """Raise ConnectorError if the topic does not fit, or is not ours."""
        source, context = self._source, self._context
        errors = BrokerErrors(REPARTITION, lambda _: None)
        admin = admin_client(source.brokers, source.settings, errors)
        with errors.asked_once(source.brokers):
            is_there = self._repartition_topic(errors).is_there()
        if is_there:
            require_topic(admin, self._topic, ["READ", "WRITE"])
        require_group(admin, f"{source.group or f'pynomaly-{context.pipeline}'}-{REPARTITION}")
        require_transactions(source.brokers, source.settings, id_prefix(context), errors)

    def _transaction(self) -> Transaction:
        source = self._source
        return shared_transaction(self._context, source.brokers, source.settings, REPARTITION)

    def _repartition_topic(self, errors: BrokerErrors | None = None) -> RepartitionTopic:
        source = self._source
        if errors is None:
            count = self._context.telemetry.sink_errors
            errors = BrokerErrors(
                REPARTITION,
                lambda kind: count.labels(REPARTITION, kind).inc(),
                self._context.outages,
            )
        return RepartitionTopic(source.brokers, source.settings, self._topic, source.topic, errors)


class _Sink(FixedPartitionedSink[list[Record], None]):
    """Writes to the repartition topic, in the transaction of the process."""

    def __init__(
        self, prepared: RepartitionTopic, topic: str, transaction: Transaction, context: RunContext
    ) -> None:
        self._prepared = prepared
        self._topic = topic
        self._transaction = transaction
        self._context = context

    def list_parts(self) -> list[str]:
        """Return the name of the one part."""
        return [str(self._context.process)]

    def build_part(self, step_id: str, for_part: str, resume_state: object) -> _Part:
        """Open the part, once the topic is there."""
        self._prepared.prepare(self._context)
        return _Part(self._topic, self._transaction)


class _Part(StatefulSinkPartition[list[Record], None]):
    """The part of a process."""

    def __init__(self, topic: str, transaction: Transaction) -> None:
        self._topic = topic
        self._transaction = transaction

    def write_batch(self, values: Sequence[list[Record]]) -> None:
        """Keep records for the next checkpoint."""
        for records in values:
            for record in records:
                self._transaction.write(self._topic, REPARTITION, record)

    def snapshot(self) -> None:
        """Send what was written; the store commits it."""
        self._transaction.flush()

    def close(self) -> None:
        """Abort what is open; never raises."""
        self._transaction.abort()

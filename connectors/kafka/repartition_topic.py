"""The repartition topic: made when it is missing, and refused where it would change messages."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.own_topic import create_topic, topic_config, wait_for_topic
from connectors.kafka.settings import Value
from connectors.kafka.topic_limits import REQUEST_SECONDS, admin_client, largest_batches
from engine.domain.errors import ConnectorError
from engine.domain.names import REPARTITION
from pynomaly.plugins import RunContext

SHOWN_SECONDS = 0.1
HEADER_ROOM_BYTES = 4_096
"""Bytes that a message may grow by: its key, and the headers that say where it came from."""


class RepartitionTopic:
    """The topic that messages are re-keyed through.

    Args:
        brokers: bootstrap servers.
        settings: librdkafka's, of the source.
        topic: its name.
        source: topic of the source.
        errors: reports errors of the brokers.
    """

    def __init__(
        self,
        brokers: str,
        settings: Mapping[str, Value],
        topic: str,
        source: str,
        errors: BrokerErrors,
    ) -> None:
        self._admin: AdminClient = admin_client(brokers, settings, errors)
        self._topic = topic
        self._source = source
        self._errors = errors

    def prepare(self, context: RunContext) -> None:
        """Make sure that it is there, and fits, however long the brokers take to answer.

        Raises:
            ConnectorError: it is missing and cannot be made, or does not fit.
            Shutdown: asked to stop while waiting.
        """
        while not wait_for_topic(self._make_sure, context, self._errors):
            # Another process has just made it: brokers show it a moment later.
            context.draining.wait(SHOWN_SECONDS)

    def is_there(self) -> bool:
        """Tell whether the topic is there.

        Raises:
            ConnectorError: it is, and does not fit.
            KafkaException: no broker answers.
        """
        found = self._admin.list_topics(timeout=REQUEST_SECONDS).topics.get(self._topic)
        if found is None or not found.partitions:
            return False
        config = topic_config(self._admin, self._topic, "configuration")
        policy = config.get("cleanup.policy", "delete")
        if policy != "delete":
            raise ConnectorError(
                f'the repartition topic "{self._topic}" has cleanup.policy {policy}: it would keep '
                "the last message of each entity alone. Set it to `delete`"
            )
        stamps = config.get("message.timestamp.type", "CreateTime")
        if stamps != "CreateTime":
            raise ConnectorError(
                f'the repartition topic "{self._topic}" has message.timestamp.type {stamps}: it '
                "would replace the messages' timestamps. Set it to `CreateTime`"
            )
        return True

    def _make_sure(self) -> bool:
        """Create the topic unless it is there; return whether it is there now."""
        if self.is_there():
            return True
        self._create()
        return self.is_there()

    def _create(self) -> None:
        found = self._admin.list_topics(timeout=REQUEST_SECONDS).topics.get(self._source)
        count = len(found.partitions) if found is not None else 0
        if not count:
            raise ConnectorError(
                f'the cluster has no topic "{self._source}". Create it, or correct the pipeline '
                "file; a topic may also be hidden by missing access rights"
            )
        limit = largest_batches(self._admin, [self._source])[self._source] + HEADER_ROOM_BYTES
        config = {
            "cleanup.policy": "delete",
            "message.timestamp.type": "CreateTime",
            "max.message.bytes": str(limit),
        }
        made = NewTopic(self._topic, num_partitions=count, config=config)
        create_topic(self._admin, REPARTITION, made, f"{count} partitions")

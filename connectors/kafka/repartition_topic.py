"""The repartition topic: made when it is missing, and refused where it would change messages."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.settings import Value
from connectors.kafka.topic_limits import admin_client, largest_batches
from engine.domain.errors import ConnectorError
from pynomaly.plugins import RunContext

REQUEST_SECONDS, RETRY_SECONDS = 10.0, 1.0
HEADER_ROOM_BYTES = 4_096
"""Bytes that a message may grow by: its key, and the headers that say where it came from."""


class RepartitionTopic:
    """The topic that messages are re-keyed through.

    Args:
        brokers: bootstrap servers.
        settings: librdkafka's, of the source.
        topic: its name.
        source: topic of the source.
        errors: takes note of what is wrong.
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
        while not context.draining.is_set():
            context.heartbeat.waiting()
            try:
                if not self.is_there():
                    self._create()
            except KafkaException as error:
                self._errors.report(error.args[0])
                self._errors.raise_if_fatal()
                context.draining.wait(RETRY_SECONDS)
            else:
                self._errors.recovered()
                return
        raise context.stopped("the brokers")

    def is_there(self) -> bool:
        """Tell whether the topic is there.

        Raises:
            ConnectorError: it is, and does not fit.
            KafkaException: no broker answers.
        """
        if self._topic not in self._admin.list_topics(timeout=REQUEST_SECONDS).topics:
            return False
        config = self._config()
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
        try:
            self._admin.create_topics([made])[self._topic].result(REQUEST_SECONDS)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return
            if error.args[0].retriable() or error.args[0].code() == KafkaError._TIMED_OUT:
                raise
            raise ConnectorError(
                f'there is no repartition topic "{self._topic}", and it cannot be made: '
                f"{error.args[0].str()}. Make it with {count} partitions"
            ) from error
        logger.info("the repartition topic %s was made, with %d partitions", self._topic, count)

    def _config(self) -> dict[str, str]:
        """Return the topic's configuration; nothing where we may not see it."""
        resource = ConfigResource(ResourceType.TOPIC, self._topic)
        answer = self._admin.describe_configs([resource], request_timeout=REQUEST_SECONDS)
        try:
            found = answer[resource].result(REQUEST_SECONDS)
        except KafkaException as error:
            logger.info("the configuration of %s is not known: %s", self._topic, error)
            return {}
        return {name: str(entry.value) for name, entry in found.items()}

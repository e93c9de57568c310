"""The state topic: created if it is missing, and refused if it would lose state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.settings import Value
from connectors.kafka.topic_limits import admin_client
from engine.domain.errors import ConnectorError

REQUEST_SECONDS = 10.0
CONFIG = {
    "cleanup.policy": "compact",
    # Small, and cleaned early: who takes a partition over may have to read all of it.
    "segment.bytes": str(64 * 2**20),
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": str(6 * 3_600_000),
}


def prepare_state_topic(
    brokers: str,
    settings: Mapping[str, Value],
    topic: str,
    source: str | None,
    errors: BrokerErrors,
) -> bool:
    """Make sure that the state topic is there, and keeps what is written; return whether it was.

    Args:
        brokers: bootstrap servers.
        settings: librdkafka's.
        topic: the state topic.
        source: topic of the source; None only looks, and makes nothing.
        errors: takes note of what is wrong.

    Raises:
        ConnectorError: it is missing and cannot be made, or does not fit.
        KafkaException: no broker answers.
    """
    admin = admin_client(brokers, settings, errors)
    topics = admin.list_topics(timeout=REQUEST_SECONDS).topics
    wanted = len(topics[source].partitions) if source in topics else 1
    if topic not in topics:
        if source is not None:
            _create(admin, topic, wanted)
        return False
    found = len(topics[topic].partitions)
    policy = _policy(admin, topic)
    if found < wanted:
        raise ConnectorError(
            f'the state topic "{topic}" has {found} partitions, the source {wanted}: add '
            f"partitions (`kafka-topics.sh --alter --topic {topic} --partitions {wanted}`)"
        )
    if policy not in ("", "compact"):
        raise ConnectorError(
            f'the state topic "{topic}" has cleanup.policy {policy}: it would lose state. Set it '
            "to `compact`"
        )
    return True


def _create(admin: AdminClient, topic: str, partitions: int) -> None:
    made = NewTopic(topic, num_partitions=partitions, config=dict(CONFIG))
    try:
        admin.create_topics([made])[topic].result(REQUEST_SECONDS)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        if error.args[0].retriable() or error.args[0].code() == KafkaError._TIMED_OUT:
            raise
        raise ConnectorError(
            f'there is no state topic "{topic}", and it cannot be made: {error.args[0].str()}. '
            f"Make it with {partitions} partitions and cleanup.policy=compact"
        ) from error
    logger.info("the state topic %s was made, with %d partitions", topic, partitions)


def _policy(admin: AdminClient, topic: str) -> str:
    """Return the topic's cleanup.policy; "" if we may not see it."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    answer: Any = admin.describe_configs([resource], request_timeout=REQUEST_SECONDS)[resource]
    try:
        return str(answer.result(REQUEST_SECONDS)["cleanup.policy"].value)
    except KafkaException as error:
        logger.info("the cleanup.policy of %s is not known: %s", topic, error)
        return ""

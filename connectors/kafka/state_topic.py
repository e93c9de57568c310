"""The state topic: created if it is missing, grown with the source, refused if it loses state."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaError
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    NewPartitions,
    NewTopic,
)

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.own_topic import carried_out, create_topic, topic_config
from connectors.kafka.settings import Value
from connectors.kafka.topic_limits import REQUEST_SECONDS, USUAL_LIMIT_BYTES, admin_client
from engine.domain.errors import ConnectorError

CONFIG = {
    "cleanup.policy": "compact",
    # Small, and cleaned early: who takes a partition over may have to read all of it.
    "segment.bytes": str(64 * 2**20),
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": str(6 * 3_600_000),
    # Brokers may allow less: then the list of a large state's pieces would not fit.
    "max.message.bytes": str(USUAL_LIMIT_BYTES),
}
LEAST_LIMIT_BYTES = 16 * 2**10
"""Of a topic that somebody else made: a manifest lists all pieces of a state."""


def prepare_state_topic(
    brokers: str,
    settings: Mapping[str, Value],
    topic: str,
    source: str | None,
    errors: BrokerErrors,
    make: int = 0,
    role: str = "state",
) -> int:
    """Make sure that the state topic is there, and keeps what is written.

    Args:
        brokers: bootstrap servers.
        settings: librdkafka's.
        topic: the state topic.
        source: topic of the source; None only looks, and makes nothing.
        errors: reports errors of the brokers.
        make: partitions of a topic that belongs to no source.
        role: what the topic holds, for messages: "state" or "control".

    Returns:
        How many partitions it has; 0 if it is missing, and was not to be made.

    Raises:
        ConnectorError: it is missing and cannot be made, or does not fit.
        KafkaException: no broker answers.
    """
    admin = admin_client(brokers, settings, errors)
    topics = admin.list_topics(timeout=REQUEST_SECONDS).topics
    wanted = len(topics[source].partitions) if source in topics else 1
    if topic not in topics:
        if source is None and not make:
            return 0
        _create(admin, topic, make or wanted, role)
        return make or wanted
    found = len(topics[topic].partitions)
    config = topic_config(admin, topic, "configuration")
    policy = config.get("cleanup.policy", "")
    limit = int(config.get("max.message.bytes", USUAL_LIMIT_BYTES))
    if limit < LEAST_LIMIT_BYTES:
        raise ConnectorError(
            f'the {role} topic "{topic}" has max.message.bytes {limit}: its records do not fit. '
            f"Set it to {USUAL_LIMIT_BYTES}"
        )
    if policy not in ("", "compact"):
        raise ConnectorError(
            f'the {role} topic "{topic}" has cleanup.policy {policy}: records would be lost. Set '
            "it to `compact`"
        )
    if found < wanted:
        _grow(admin, topic, found, wanted)
    return max(found, wanted)


def _create(admin: AdminClient, topic: str, partitions: int, role: str) -> None:
    made = NewTopic(topic, num_partitions=partitions, config=dict(CONFIG))
    otherwise = f"{partitions} partitions and cleanup.policy=compact"
    create_topic(admin, role, made, otherwise)


def _grow(admin: AdminClient, topic: str, found: int, wanted: int) -> None:
    """Add partitions; state is written to partitions by their numbers, and so none moves."""
    pending = admin.create_partitions([NewPartitions(topic, wanted)])[topic]

    def refusal(why: str) -> str:
        return (
            f'the state topic "{topic}" has {found} partitions, the source {wanted}, and none can '
            f"be added: {why}. Allow us ALTER on it, or add them "
            f"(`kafka-topics.sh --alter --topic {topic} --partitions {wanted}`)"
        )

    if carried_out(pending, KafkaError.INVALID_PARTITIONS, refusal):
        logger.info("the state topic %s has %d partitions now, as the source", topic, wanted)

"""The state topic: created if it is missing, and refused if it would lose state."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.own_topic import create_topic, topic_config
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
) -> bool:
    """Make sure that the state topic is there, and keeps what is written; return whether it was.

    Args:
        brokers: bootstrap servers.
        settings: librdkafka's.
        topic: the state topic.
        source: topic of the source; None only looks, and makes nothing.
        errors: reports errors of the brokers.
        make: partitions of a topic that belongs to no source.

    Raises:
        ConnectorError: it is missing and cannot be made, or does not fit.
        KafkaException: no broker answers.
    """
    admin = admin_client(brokers, settings, errors)
    topics = admin.list_topics(timeout=REQUEST_SECONDS).topics
    wanted = len(topics[source].partitions) if source in topics else 1
    if topic not in topics:
        if source is not None or make:
            _create(admin, topic, make or wanted)
        return False
    found = len(topics[topic].partitions)
    config = topic_config(admin, topic, "configuration")
    policy = config.get("cleanup.policy", "")
    if found < wanted:
        raise ConnectorError(
            f'the state topic "{topic}" has {found} partitions, the source {wanted}: add '
            f"partitions (`kafka-topics.sh --alter --topic {topic} --partitions {wanted}`)"
        )
    limit = int(config.get("max.message.bytes", USUAL_LIMIT_BYTES))
    if limit < LEAST_LIMIT_BYTES:
        raise ConnectorError(
            f'the state topic "{topic}" has max.message.bytes {limit}: its records do not fit. Set '
            f"it to {USUAL_LIMIT_BYTES}"
        )
    if policy not in ("", "compact"):
        raise ConnectorError(
            f'the state topic "{topic}" has cleanup.policy {policy}: it would lose state. Set it '
            "to `compact`"
        )
    return True


def _create(admin: AdminClient, topic: str, partitions: int) -> None:
    made = NewTopic(topic, num_partitions=partitions, config=dict(CONFIG))
    otherwise = f"{partitions} partitions and cleanup.policy=compact"
    create_topic(admin, "state", made, otherwise)

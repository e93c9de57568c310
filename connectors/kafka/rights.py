"""Access rights: `validate --connect` reports missing ones before a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient

from connectors.kafka.broker_errors import REFUSED, BrokerErrors, logger
from connectors.kafka.client import open_client
from connectors.kafka.settings import Value, shared_settings
from connectors.kafka.transaction import LEAST_SECONDS
from engine.domain.errors import ConnectorError

REQUEST_SECONDS = 10.0


def require_topic(admin: AdminClient, topic: str, operations: Collection[str]) -> None:
    """Require that we may do with a topic what we are going to.

    Args:
        admin: a client of the cluster.
        topic: its name.
        operations: names of Kafka's operations, such as WRITE.

    Raises:
        ConnectorError: one of them is denied.
    """
    asked = admin.describe_topics(
        TopicCollection([topic]),
        include_authorized_operations=True,
        request_timeout=REQUEST_SECONDS,
    )
    _require(f'topic "{topic}"', asked[topic], operations)


def require_group(admin: AdminClient, group: str) -> None:
    """Require that we may be in a consumer group; one that is not there yet is not known for sure.

    Raises:
        ConnectorError: it is denied.
    """
    asked = admin.describe_consumer_groups(
        [group], include_authorized_operations=True, request_timeout=REQUEST_SECONDS
    )
    _require(f'consumer group "{group}"', asked[group], ["READ"])


def require_transactions(
    brokers: str, settings: Mapping[str, Value], prefix: str, errors: BrokerErrors
) -> None:
    """Require that we may use transactional ids; with one that no run uses, for it would be fenced.

    Args:
        brokers: bootstrap servers.
        settings: librdkafka's, of the pipeline file.
        prefix: of the ids.
        errors: reports errors of the brokers.

    Raises:
        ConnectorError: it is denied.
    """
    shortest = int(LEAST_SECONDS * 1_000)
    chosen: dict[str, Any] = {
        **shared_settings(dict(settings)),
        "bootstrap.servers": brokers,
        "transactional.id": f"{prefix}validate",
        # A run keeps to what the brokers allow, down to this.
        "transaction.timeout.ms": shortest,
        "message.timeout.ms": shortest,
        "error_cb": errors.report,
    }
    producer = open_client(Producer, chosen, errors)
    try:
        producer.init_transactions(REQUEST_SECONDS)
    except KafkaException as error:
        code = error.args[0].code()
        if code == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            raise ConnectorError(
                f'transactional id "{prefix}validate": {error.args[0].str()} {REFUSED[code]}'
            ) from error
        errors.report(error.args[0])
        errors.raise_if_fatal()


def _require(what: str, asked: Any, operations: Collection[str]) -> None:
    try:
        found = asked.result(REQUEST_SECONDS).authorized_operations
    except KafkaException as error:
        code = error.args[0].code()
        if code in REFUSED:
            raise ConnectorError(f"{what}: {error.args[0].str()} {REFUSED[code]}") from error
        logger.debug("%s: its rights are not known: %s", what, error)
        return
    except FutureTimeout:
        return
    if found is None:
        return
    allowed = {operation.name for operation in found}
    missing = [name for name in operations if name not in allowed and "ALL" not in allowed]
    if missing:
        raise ConnectorError(f"{what}: we may not {' and '.join(missing)}. Allow it in its ACLs")

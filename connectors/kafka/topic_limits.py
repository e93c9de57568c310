"""Limits of brokers and topics that a producer has to keep to."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import TimeoutError as FutureTimeout

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    ResourceType,
)

from connectors.kafka.broker_errors import logger
from connectors.kafka.client import open_client
from connectors.kafka.settings import Value, shared_settings

USUAL_LIMIT_BYTES = 1_048_588
"""Bytes a batch of a topic may have unless its brokers say something else."""
REQUEST_SECONDS = 10.0


def admin_client(brokers: str, settings: Mapping[str, Value], log: object) -> AdminClient:
    """Return a client that asks about the cluster, with what other clients log in with."""
    chosen = {**shared_settings(dict(settings)), "bootstrap.servers": brokers}
    return open_client(AdminClient, chosen, log)


def largest_batches(admin: AdminClient, topics: Iterable[str]) -> dict[str, int]:
    """Return the bytes of the largest batch that each topic takes.

    A topic whose settings we may not read (it takes the right DESCRIBE_CONFIGS) is assumed to have
    the default.
    """
    asked = {topic: ConfigResource(ResourceType.TOPIC, topic) for topic in topics}
    found = dict.fromkeys(asked, USUAL_LIMIT_BYTES)
    if not asked:
        return found
    answers = admin.describe_configs([*asked.values()], request_timeout=REQUEST_SECONDS)
    for topic, resource in asked.items():
        try:
            found[topic] = int(answers[resource].result(REQUEST_SECONDS)["max.message.bytes"].value)
        except (KafkaException, FutureTimeout) as error:
            # A topic of our own that is yet to be made is made with the default.
            level = logging.DEBUG if "Unknown topic" in str(error) else logging.INFO
            logger.log(level, "the limit of %s is unknown (%s): assuming the default", topic, error)
    return found

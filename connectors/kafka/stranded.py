"""Clients that have forgotten their brokers: librdkafka's issue 5301; see `BrokerErrors`."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

FRESH_SECONDS, OWN_SECONDS = 2.0, 5.0
"""Seconds for an answer; our own client has time to reconnect."""


def is_stranded(client: Producer, fresh: AdminClient) -> bool:
    """Return whether a client has no broker where another one finds some.

    One whose requests are slow is not meant: it has a connection, and its request times out.
    """
    try:
        if not fresh.list_topics(timeout=FRESH_SECONDS).brokers:
            return False
    except KafkaException:
        return False
    try:
        client.list_topics(timeout=OWN_SECONDS)
    except KafkaException as error:
        return bool(error.args[0].code() == KafkaError._TRANSPORT)
    return False

"""Reaching a cluster: waiting for brokers, and finding a topic."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException, Producer

from connectors.kafka.broker_errors import BrokerErrors
from engine.application.ports import RunContext
from engine.domain.errors import ConnectorError, nearest

FIRST_WAIT, LONGEST_WAIT = 0.5, 2.0
"""Seconds between attempts to reach the brokers, doubling."""


def partitions(client: Consumer | Producer, topic: str, timeout: float) -> list[int]:
    """Return a topic's partitions.

    Args:
        client: to ask with.
        topic: its name.
        timeout: seconds.

    Raises:
        KafkaException: no broker answered.
        ConnectorError: the cluster has no such topic, or does not show it to us.
    """
    # All topics are asked for: asking for one by name may create it.
    topics = client.list_topics(timeout=timeout).topics
    if topic not in topics or not topics[topic].partitions:
        raise ConnectorError(
            f'the cluster has no topic "{topic}".{nearest(topic, topics)} Create it, or correct '
            "the pipeline file; a topic may also be hidden by missing access rights"
        )
    return sorted(topics[topic].partitions)


def wait_for_partitions(
    client: Consumer | Producer, topic: str, troubles: BrokerErrors, context: RunContext
) -> list[int]:
    """Return a topic's partitions, however long the brokers take to answer.

    Raises:
        ConnectorError: no such topic, or hopeless trouble.
        StoppedError: asked to stop while waiting.
    """
    wait = FIRST_WAIT
    stop = context.draining
    while not stop.is_set():
        context.heartbeat.wait()
        try:
            found = partitions(client, topic, timeout=5.0)
        except KafkaException as error:
            troubles.note(error.args[0])
            raise_if_fatal(troubles)
            stop.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        else:
            troubles.over()
            return found
    raise context.stopped("the brokers")


def raise_if_fatal(troubles: BrokerErrors) -> None:
    """Raise what waiting does not cure.

    Raises:
        ConnectorError: authentication or authorisation failed, or the client is broken for good.
    """
    if troubles.hopeless is not None:
        raise ConnectorError(
            f"Kafka refuses us: {troubles.hopeless.str()}. Check security.protocol, sasl.* and "
            "ssl.* in the pipeline file's `settings`, and the access rights of topic and group"
        )

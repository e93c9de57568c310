"""Connects to a cluster: waits for brokers, and finds a topic."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaException, Producer

from connectors.kafka.broker_errors import TLS, WRONG_PROTOCOL, BrokerErrors
from engine.domain.errors import ConnectorError, RetryableError, nearest
from pynomaly.plugins import RunContext

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 2.0
"""Seconds between attempts to reach the brokers, doubling."""
FIRST_TIMEOUT_SECONDS, LONGEST_TIMEOUT_SECONDS = 1.0, 5.0
"""Seconds to wait for an answer, doubling, so that the cause of a failure is logged early."""
TLS_TRIES = 2
"""Attempts after which a certificate is not taken for one that is just being renewed."""
PROTOCOL_SECONDS = 30.0
"""A proxy whose broker is starting also closes connections, but for less time."""


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


def reach_once(
    client: Consumer | Producer, topic: str, errors: BrokerErrors, brokers: str
) -> list[int]:
    """Return a topic's partitions, waiting ten seconds at most.

    Raises:
        ConnectorError: there is no such topic, or an error that waiting does not cure.
        RetryableError: no broker answered: the text says why.
    """
    try:
        return partitions(client, topic, timeout=10.0)
    except KafkaException as error:
        _serve_callbacks(client, errors, error)
        errors.raise_if_fatal()
        if errors.tls_failed:
            errors.raise_error(errors.cause, TLS)
        cause = errors.cause or error.args[0].str()
        raise RetryableError(f"{brokers}: {cause}. Is a broker listening there?") from error


def wait_for_partitions(
    client: Consumer | Producer, topic: str, errors: BrokerErrors, context: RunContext
) -> list[int]:
    """Return a topic's partitions, however long the brokers take to answer.

    Raises:
        ConnectorError: no such topic, or an error that waiting does not cure.
        Shutdown: asked to stop while waiting.
    """
    wait, timeout = FIRST_WAIT_SECONDS, FIRST_TIMEOUT_SECONDS
    stop = context.draining
    began, tls = time.monotonic(), 0
    while not stop.is_set():
        context.heartbeat.waiting()
        try:
            found = partitions(client, topic, timeout)
        except KafkaException as error:
            _serve_callbacks(client, errors, error)
            errors.raise_if_fatal()
            tls += errors.tls_failed
            if tls >= TLS_TRIES:
                errors.raise_error(errors.cause, TLS)
            if errors.wrong_protocol and time.monotonic() - began > PROTOCOL_SECONDS:
                errors.raise_error(errors.cause, WRONG_PROTOCOL)
            stop.wait(wait)
            wait, timeout = (
                min(2 * wait, LONGEST_WAIT_SECONDS),
                min(2 * timeout, LONGEST_TIMEOUT_SECONDS),
            )
        else:
            errors.recovered()
            return found
    raise context.stopped("the brokers")


def _serve_callbacks(
    client: Consumer | Producer, errors: BrokerErrors, error: KafkaException
) -> None:
    """Note why no broker answered: librdkafka reports it only while it is polled."""
    errors.polled(lambda: client.poll(0), None)
    errors.report(error.args[0])

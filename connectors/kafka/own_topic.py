"""Topics that a pipeline makes for itself where they are missing: state, and re-keyed messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from connectors.kafka.broker_errors import BrokerErrors, logger
from connectors.kafka.topic_limits import REQUEST_SECONDS
from engine.domain.errors import ConnectorError
from pynomaly.plugins import RunContext

RETRY_SECONDS = 1.0

Found = TypeVar("Found")


def wait_for_topic(
    prepare: Callable[[], Found], context: RunContext, errors: BrokerErrors
) -> Found:
    """Make sure of a topic, however long the brokers take to answer; return what was found.

    Args:
        prepare: makes sure of it, or raises KafkaException if no broker answers.
        context: of this process.
        errors: reports errors of the brokers.

    Raises:
        ConnectorError: it is missing and cannot be made, or does not fit.
        Shutdown: asked to stop while waiting.
    """
    while not context.draining.is_set():
        context.heartbeat.waiting()
        try:
            found = prepare()
        except KafkaException as error:
            errors.report(error.args[0])
            errors.raise_if_fatal()
            context.draining.wait(RETRY_SECONDS)
        else:
            errors.recovered()
            return found
    raise context.stopped("the brokers")


def create_topic(admin: AdminClient, who: str, made: NewTopic, otherwise: str) -> None:
    """Create a topic; one that was created meanwhile is as good.

    Args:
        admin: asks the brokers.
        who: the topic is, such as "state".
        made: the topic.
        otherwise: what people are to make where it cannot be created.

    Raises:
        ConnectorError: it cannot be created.
        KafkaException: no broker answers.
    """
    pending = admin.create_topics([made])[made.topic]

    def refusal(why: str) -> str:
        missing = f'there is no {who} topic "{made.topic}", and it cannot be made'
        return f"{missing}: {why}. Make it with {otherwise}"

    if carried_out(pending, KafkaError.TOPIC_ALREADY_EXISTS, refusal):
        count = made.num_partitions
        logger.info("the %s topic %s was made, with %d partitions", who, made.topic, count)


def carried_out(pending: Future[Any], done_before: int, refusal: Callable[[str], str]) -> bool:
    """Wait for a change of a topic; return False if another process has made it already.

    Args:
        pending: what the brokers were asked.
        done_before: code of the error that says so.
        refusal: says that it is refused, for a reason.

    Raises:
        ConnectorError: it is refused.
        KafkaException: no broker answers.
    """
    try:
        pending.result(REQUEST_SECONDS)
    except KafkaException as error:
        reason = error.args[0]
        if reason.code() == done_before:
            return False
        if reason.retriable() or reason.code() == KafkaError._TIMED_OUT:
            raise
        raise ConnectorError(refusal(reason.str())) from error
    return True


def topic_config(admin: AdminClient, topic: str, what: str) -> Mapping[str, str]:
    """Return the configuration of a topic; nothing if we may not see it.

    Args:
        admin: asks the brokers.
        topic: its name.
        what: is asked for, in words for the log.
    """
    resource = ConfigResource(ResourceType.TOPIC, topic)
    answer = admin.describe_configs([resource], request_timeout=REQUEST_SECONDS)
    try:
        found = answer[resource].result(REQUEST_SECONDS)
    except KafkaException as error:
        logger.info("the %s of %s is not known: %s", what, topic, error)
        return {}
    return {name: str(entry.value) for name, entry in found.items()}

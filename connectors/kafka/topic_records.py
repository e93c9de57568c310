"""The records of a topic, from its beginning, or the newest of them, to its present end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.client import open_client
from connectors.kafka.metadata import reach_once
from connectors.kafka.settings import KafkaSinkSettings, shared_settings
from engine.domain.batch import Headers
from engine.domain.record import Record
from pynomaly.plugins import ConnectorError

BATCH_RECORDS = 10_000
POLL_SECONDS = 0.05
"""Length of a poll, unless there is more to read than fits into one."""
SILENCE_SECONDS = 60.0
"""Seconds without a message before the end after which brokers are given up."""


def records(
    settings: KafkaSinkSettings, errors: BrokerErrors, newest: int | None = None
) -> Iterator[Record]:
    """Yield the records of a topic that are committed, partition by partition.

    Args:
        settings: names the topic.
        errors: of the client.
        newest: number of offsets of each partition to read, up to its end; None: all.

    Raises:
        ConnectorError: no broker answers, or there is no such topic.
    """
    config = {
        **shared_settings(settings.settings),
        "bootstrap.servers": settings.brokers,
        "group.id": "pynomaly-rejects",
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "error_cb": errors.report,
    }
    consumer = open_client(Consumer, config, errors)
    try:
        for partition in reach_once(consumer, settings.topic, errors, settings.brokers):
            yield from _of_partition(consumer, settings.topic, partition, newest)
    except KafkaException as error:
        raise ConnectorError(f"{settings.topic}: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _of_partition(
    consumer: Consumer, topic: str, partition: int, newest: int | None
) -> Iterator[Record]:
    place = TopicPartition(topic, partition)
    low, high = consumer.get_watermark_offsets(place, timeout=30)
    if low >= high:
        return
    first = low if newest is None else max(low, high - newest)
    consumer.assign([TopicPartition(topic, partition, first)])
    until = time.monotonic() + SILENCE_SECONDS
    while time.monotonic() < until:
        messages = consumer.consume(BATCH_RECORDS, timeout=POLL_SECONDS)
        if messages:
            until = time.monotonic() + SILENCE_SECONDS
        for message in messages:
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                return
            if error is not None:
                raise KafkaException(error)
            yield _record(message)
    raise ConnectorError(f"{topic}[{partition}]: the brokers do not answer")


def _record(message: Message) -> Record:
    headers = cast("Headers", tuple(message.headers() or ()))
    stamp = max(message.timestamp()[1], 0) * 1_000_000
    return Record(message.key(), message.value(), headers, stamp, "")

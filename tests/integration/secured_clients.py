"""Clients of brokers that ask for a login."""

from __future__ import annotations

import json

from confluent_kafka import Producer

from connectors.kafka.settings import KafkaSinkSettings, KafkaSourceSettings
from connectors.kafka.sink import KafkaSink
from connectors.kafka.source import KafkaSource
from engine.application.ports import RunContext
from engine.domain.record import Record
from tests.support.secured_kafka import (
    SecuredKafka,
)

RECORD = Record(b"k", b"v", (("pynomaly-id", b"1"),), 0, "1")


def source(
    brokers: str, settings: dict[str, str], context: RunContext | None = None
) -> KafkaSource:
    chosen = KafkaSourceSettings(brokers=brokers, topic="events", settings={**settings})
    return KafkaSource(chosen, context or RunContext("refused"))


def sink(secured: SecuredKafka, topic: str, context: RunContext) -> KafkaSink:
    chosen = KafkaSinkSettings(brokers=secured.sasl, topic=topic, settings={**secured.login()})
    return KafkaSink(chosen, context, "anomalies")


def send_anomaly(secured: SecuredKafka) -> None:
    """Send readings of one sensor, the last of them strange."""
    producer = Producer({"bootstrap.servers": secured.broker.bootstrap})
    for number in range(3_000):
        temp = number % 7 + (900 if number > 2_990 else 0)
        event = {"sensor": "s", "ts": 1_767_225_600_000 + number * 1_000, "temp": temp}
        producer.produce("events", json.dumps(event), partition=0)
    producer.flush(60)

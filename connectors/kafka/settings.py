"""Settings of Kafka in the pipeline file, and the librdkafka settings made from them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from confluent_kafka import Consumer, Producer
from pydantic import Field, field_validator

from connectors.kafka.client import invalid_reason
from connectors.kafka.connection_risks import connection_risks
from connectors.kafka.encoding import SinkFormat
from pynomaly.plugins import Settings

Value = str | int | float | bool


class KafkaSourceSettings(Settings):
    """A topic to read."""

    brokers: str = Field(min_length=1)
    """Bootstrap servers, host:port separated by commas."""
    topic: str = Field(min_length=1)
    """The topic to read."""
    group: str | None = None
    """Consumer group whose offsets show the progress; default: pynomaly-<pipeline>."""
    start: Literal["committed", "earliest", "latest"] | datetime = "committed"
    """Where a fresh run starts: the group's offsets (else the earliest), an end, or a time."""
    end: datetime | None = None
    """Reads what is older than this time, as far as it is there at the start, and ends; with state
    in a directory alone. Never ends unless given."""
    on_missing_offset: Literal["fail", "earliest"] = "fail"
    """When retention removed the offset to go on from, or brokers lost messages that were read:
    stop, or go on from the first message that was not read, counted."""
    batch: int = Field(10_000, ge=1, le=1_000_000)
    """Most messages a poll."""
    settings: dict[str, Value] = Field(default_factory=dict)
    """Passed to librdkafka as they are: SASL, TLS, fetch sizes."""

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        return connection_risks(self.brokers, self.settings)

    def places(self) -> frozenset[str]:
        """Return where messages come from: an output there would be read again."""
        return places(self.brokers, self.topic)

    @field_validator("settings")
    @classmethod
    def _taken_by_the_consumer(cls, settings: dict[str, Value]) -> dict[str, Value]:
        return _checked(
            settings, invalid_reason(Consumer, {**CONSUMER, "group.id": "-", **settings})
        )


class KafkaSinkSettings(Settings):
    """A topic to write."""

    brokers: str = Field(min_length=1)
    """Bootstrap servers, host:port separated by commas."""
    topic: str = Field(min_length=1)
    """The topic to write; it must exist."""
    settings: dict[str, Value] = Field(default_factory=dict)
    """Passed to librdkafka as they are: SASL, TLS, compression."""
    format: SinkFormat | None = None
    """Avro or JSON with the id of a schema of a registry; JSON alone unless given. Dead letters
    stay as they came."""
    cloudevents: bool = False
    """Whether to add the headers of CloudEvents' binary mode (ce_id, ce_type, ...)."""

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        return connection_risks(self.brokers, self.settings) + super().risks()

    def places(self) -> frozenset[str]:
        """Return where records go."""
        return places(self.brokers, self.topic)

    @field_validator("settings")
    @classmethod
    def _taken_by_the_producer(cls, settings: dict[str, Value]) -> dict[str, Value]:
        return _checked(settings, invalid_reason(Producer, {**PRODUCER, **settings}))


class KafkaStateSettings(Settings):
    """A topic to keep checkpoints in."""

    topic: str = Field(min_length=1)
    """Compacted, with at least the partitions of the source; created if it is missing."""
    brokers: str = Field(min_length=1)
    """Bootstrap servers; those of the source unless given."""
    settings: dict[str, Value] = Field(default_factory=dict)
    """Passed to librdkafka as they are; those of the source unless given."""

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        return connection_risks(self.brokers, self.settings)

    def places(self) -> frozenset[str]:
        """Return where checkpoints go."""
        return places(self.brokers, self.topic)


class KafkaControlSettings(Settings):
    """A topic that has the control log."""

    topic: str = Field(min_length=1)
    """Compacted, of one partition; made when it is missing."""
    brokers: str = Field(min_length=1)
    """Bootstrap servers; those of the source unless given."""
    settings: dict[str, Value] = Field(default_factory=dict)
    """Passed to librdkafka as they are; those of the source unless given."""

    def risks(self) -> list[str]:
        """Return what people should know before it runs."""
        return connection_risks(self.brokers, self.settings)

    def places(self) -> frozenset[str]:
        """Return where records go."""
        return places(self.brokers, self.topic)


def places(brokers: str, topic: str) -> frozenset[str]:
    """Return what names a topic, once for each broker that it is reached by."""
    return frozenset(f"{broker.strip().lower()} {topic}" for broker in brokers.split(","))


OURS = {
    "bootstrap.servers": "it is `brokers`",
    "group.id": "it is `group`",
    "transactional.id": "it follows from the pipeline's name",
    "enable.auto.commit": "offsets are committed with the checkpoint they belong to",
    "enable.auto.offset.store": "offsets are committed with the checkpoint they belong to",
    "enable.idempotence": "without it records would be lost or repeated",
    "enable.partition.eof": "the lag is measured by it",
}
"""What the pipeline file cannot set, and why."""


def _checked(settings: dict[str, Value], refused: str) -> dict[str, Value]:
    for name, why in OURS.items():
        if name in settings:
            raise ValueError(f'"{name}" cannot be set here: {why}')
    if refused:
        raise ValueError(f"librdkafka does not take them: {refused}")
    return settings


SHARED = (
    *("security.", "sasl.", "ssl.", "enable.ssl."),
    *("client.", "socket.", "broker.", "metadata.recovery."),
)
"""Prefixes of settings for reaching brokers, which apply to all clients."""


def shared_settings(settings: dict[str, Value]) -> dict[str, Value]:
    """Return the settings that another client of the same brokers needs as well."""
    return {name: value for name, value in settings.items() if name.startswith(SHARED)}


CONSUMER = {
    "enable.auto.commit": False,
    # Says where a partition ends for us: offsets behind the last message may be of markers.
    "enable.partition.eof": True,
    # A missing position must be reported, never skipped silently.
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "queued.min.messages": 1_000_000,
    # Bounds what waits in memory, whatever the number of partitions.
    "queued.max.messages.kbytes": 131_072,
    "fetch.message.max.bytes": 8_388_608,
    "fetch.wait.max.ms": 20,
    "reconnect.backoff.max.ms": 2_000,
}

PRODUCER = {
    "enable.idempotence": True,
    "linger.ms": 2,
    # A broker's absence is waited out: nothing may be dropped because it took long.
    "message.timeout.ms": 0,
    "queue.buffering.max.messages": 100_000,
    "queue.buffering.max.kbytes": 131_072,
    "message.max.bytes": 100_000_000,
    "reconnect.backoff.max.ms": 2_000,
}

"""The consumer group of a source, and the settings of the consumer that holds the membership."""

from __future__ import annotations

from typing import Any

from connectors.kafka.settings import KafkaSourceSettings
from pynomaly.plugins import RunContext

MEMBERSHIP, SOURCE = "kafka.membership", "kafka.source"
"""Names in the context of the membership, and of (topic, group) of the source."""
INSTANCE, PROTOCOL = "group.instance.id", "group.protocol"
INTERVAL, SESSION = "max.poll.interval.ms", "session.timeout.ms"
INTERVAL_MS = 60_000
"""Bound of a rebalance, after which the group goes on without those that have not answered. Brokers
that restart may wait for a dead member as long as this (Kafka 4.1.2), and librdkafka's own bound is
five minutes; a process needs it to store what it had, and answers within a second or two."""
SESSION_MS, STATIC_SESSION_MS = 10_000, 45_000
"""After so long the partitions of a process that is gone are given to others. A static member is
meant to come back in between, as the same one."""


def membership_settings(source: KafkaSourceSettings, context: RunContext) -> dict[str, Any]:
    """Return the settings of the consumer that holds the membership."""
    chosen: dict[str, Any] = {
        "reconnect.backoff.max.ms": 2_000,
        # What slips through before a partition is paused is dropped.
        "queued.min.messages": 1,
        "fetch.wait.max.ms": 500,
        **source.settings,
        "group.id": group(source, context),
        "enable.auto.commit": False,
        "enable.partition.eof": False,
        "bootstrap.servers": source.brokers,
    }
    static = INSTANCE in chosen
    if static:
        # Each process is a member of its own.
        chosen[INSTANCE] = f"{chosen[INSTANCE]}-{context.process}"
    if chosen.get(PROTOCOL, "classic") == "classic":
        chosen["partition.assignment.strategy"] = "cooperative-sticky"
        chosen.setdefault(SESSION, STATIC_SESSION_MS if static else SESSION_MS)
    # librdkafka wants it longer than the session.
    chosen.setdefault(INTERVAL, max(INTERVAL_MS, 2 * int(chosen.get(SESSION, 0))))
    return chosen


def group(source: KafkaSourceSettings, context: RunContext) -> str:
    """Return the name of the consumer group."""
    return source.group or f"pynomaly-{context.pipeline}"

"""How long the group waits for a process, by what the pipeline file sets."""

from __future__ import annotations

import pytest

from connectors.kafka.membership_settings import membership_settings
from connectors.kafka.settings import KafkaSourceSettings
from engine.application.ports import RunContext


def settings_with(**more: object) -> dict[str, object]:
    source = KafkaSourceSettings(brokers="b:9092", topic="t", settings=more)
    return membership_settings(source, RunContext("p"))


@pytest.mark.parametrize(
    ("chosen", "bound"),
    [
        ({}, 60_000),
        ({"group.protocol": "consumer"}, 60_000),
        ({"group.instance.id": "a"}, 90_000),
        ({"session.timeout.ms": 120_000}, 240_000),
        ({"max.poll.interval.ms": 300_000}, 300_000),
    ],
)
def test_a_rebalance_waits_a_minute_or_two_sessions_at_most(
    chosen: dict[str, object], bound: int
) -> None:
    assert settings_with(**chosen)["max.poll.interval.ms"] == bound

"""The writer of the chaos harnesses keeps to its rate, whatever reports come in."""

from __future__ import annotations

import time

from tests.chaos.stream import BLOCK, HEAD_START, Writer
from tests.support.kafka_cluster import KafkaCluster, TopicFactory


def test_the_next_message_waits_until_it_is_due(kafka: KafkaCluster, topic: TopicFactory) -> None:
    first = HEAD_START * BLOCK
    # One message in a quarter of an hour, behind those that are written at once.
    writer = Writer(kafka.bootstrap, topic(), 1, seed=1, rate=0.001)
    while writer.ends[0] < first:
        time.sleep(0.05)
    time.sleep(0.5)

    assert writer.stop() <= first + 1

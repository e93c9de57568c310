"""Runs of a pipeline whose sink writes transactions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from connectors.kafka.settings import KafkaSinkSettings
from connectors.kafka.sink import KafkaSink
from connectors.kafka.transactional_sink import TransactionalPart, TransactionalSink
from engine.application.ports import RunContext
from engine.domain.record import Record
from tests.support.kafka_cluster import KafkaCluster


class Run:
    """One run of a pipeline: what it makes of its sink, and how it ends."""

    def __init__(self, cluster: KafkaCluster, topic: str, state: Path, **more: Any) -> None:
        chosen = KafkaSinkSettings(brokers=cluster.bootstrap, topic=topic)
        state.mkdir(exist_ok=True)
        # A pipeline of its own for each test: transactional ids live on in the cluster.
        self.context = RunContext(topic, state=state, exactly_once=True, **more)
        sink = KafkaSink(chosen, self.context, "anomalies").sink()
        assert isinstance(sink, TransactionalSink)
        self.sink = sink

    def part(self, *stored: Any) -> TransactionalPart:
        return self.sink.build_part("anomalies", "0", stored)


def records(*numbers: int) -> list[list[Record]]:
    return [[Record(b"k", b"%d" % n, (("pynomaly-id", b"%d" % n),), 0, str(n)) for n in numbers]]


def await_seen(
    cluster: KafkaCluster, topic: str, wanted: list[int], isolation: str = "read_committed"
) -> None:
    """Hold that a plain consumer reads this: soon, for a commit is answered before it shows."""
    deadline = time.monotonic() + 120
    while (found := seen(cluster, topic, isolation)) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == wanted


def seen(cluster: KafkaCluster, topic: str, isolation: str) -> list[int]:
    return [int(message.value() or b"") for message in cluster.read(topic, isolation)]

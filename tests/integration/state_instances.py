"""Processes of a pipeline with their state in Kafka."""

from __future__ import annotations

import time
from typing import Any

from bytewax.outputs import StatefulSinkPartition

from connectors.kafka.settings import KafkaSinkSettings, KafkaSourceSettings, KafkaStateSettings
from connectors.kafka.sink import KafkaSink
from connectors.kafka.source import KafkaSource
from connectors.kafka.state_store import KafkaStateStore
from connectors.kafka.stored_topic import StoredTopic
from engine.application.ports import RunContext
from engine.application.state.store import Checkpoint
from engine.domain.record import Record
from tests.support.kafka_cluster import KafkaCluster

PROTOCOLS = ("classic", "consumer")


class Instance:
    """One process of a pipeline with its state in Kafka."""

    def __init__(
        self,
        cluster: KafkaCluster,
        source: str,
        out: str,
        protocol: str = "classic",
        member: str | None = None,
        pipeline: str = "",
        group: str | None = None,
    ) -> None:
        self.cluster = cluster
        self.context = RunContext(pipeline or source, exactly_once=True)
        chosen = KafkaStateSettings(brokers=cluster.bootstrap, topic=f"{source}-state")
        plugin = KafkaStateStore(chosen, self.context)
        settings = {"group.protocol": protocol}
        if protocol == "classic":
            settings |= {"session.timeout.ms": "6000", "heartbeat.interval.ms": "1000"}
        if member is not None:
            settings["group.instance.id"] = member
        wanted = KafkaSourceSettings(
            brokers=cluster.bootstrap, topic=source, group=group, settings={**settings}
        )
        self.source = KafkaSource(wanted, self.context)
        self.store = plugin.store()
        self.stored = StoredTopic(chosen, self.context, self.store)
        sink = KafkaSinkSettings(brokers=cluster.bootstrap, topic=out)
        self._sink = KafkaSink(sink, self.context, "anomalies").sink()
        self.membership = self.source.membership()
        self.part: StatefulSinkPartition[list[Record], Any] | None = None

    def open(self) -> None:
        self.part = self._sink.build_part("anomalies", "0", [])

    def wait_for(self, *tasks: str) -> None:
        until = time.monotonic() + 120
        while self.membership.owned() != frozenset(tasks):
            assert time.monotonic() < until, f"it has {self.membership.owned()}, not {tasks}"
            time.sleep(0.05)

    def write(self, *numbers: int) -> None:
        assert self.part is not None
        self.part.write_batch([[Record(b"k", b"%d" % n, (), 0, str(n)) for n in numbers]])

    def save(self, *checkpoints: Checkpoint) -> None:
        assert self.part is not None
        self.store.save(checkpoints, {"anomalies": self.part.snapshot()})

    def close(self) -> None:
        if self.part is not None:
            self.part.close()
        self.store.close()
        self.membership.close()


def checkpoint(task: str, position: int, blob: bytes | None = b"blob") -> Checkpoint:
    snapshot = None if blob is None else {"detect": blob, "alert": b""}
    return Checkpoint(task, position, snapshot, None, position * 7, 2, {"name": "p"})


def leave_checkpoint(one: Instance, instances: list[Instance]) -> None:
    """Store a checkpoint of partition 0, and close."""
    instances.append(one)
    one.wait_for("0")
    one.store.load("0")
    one.open()
    one.save(checkpoint("0", 3))
    instances.remove(one)
    one.close()


def seen(cluster: KafkaCluster, out: str) -> list[int]:
    return [int(message.value() or b"") for message in cluster.read(out, "read_committed")]


def await_seen(cluster: KafkaCluster, out: str, wanted: list[int]) -> None:
    until = time.monotonic() + 120
    while seen(cluster, out) != wanted and time.monotonic() < until:
        time.sleep(0.1)
    assert seen(cluster, out) == wanted

"""Following a topic of a real Kafka: what comes is stored once, also after a new start."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import orjson
import pytest
from confluent_kafka import Producer

from engine.application.control import follow
from engine.application.control.follow import Followed, Follower
from engine.application.control.memory_store import MemoryStore
from engine.domain.control.page import AnomalyFilter
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.published import anomaly, incident

PATIENCE = 60.0


@contextmanager
def following(store: MemoryStore, followed: Followed, folder: Path) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=Follower(store, followed, folder, stop).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def produce(kafka: KafkaCluster, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(PATIENCE) == 0


def wait_for_anomalies(store: MemoryStore, count: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        with store.reading() as work:
            found = work.anomalies.find(AnomalyFilter(), None, 100).items
        if len(found) >= count:
            assert len(found) == count
            return
        assert time.monotonic() < until, found
        time.sleep(0.05)


def test_a_topic_is_stored_once_and_gone_on_with(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One partition's messages take several transactions.
    monkeypatch.setattr(follow, "BATCH", 1)
    name = topic(2)
    settings = {"brokers": kafka.bootstrap, "topic": name, "start": "earliest"}
    followed = Followed("kafka", settings, f"kafka {name}")
    store = MemoryStore()
    produce(kafka, name, *(orjson.dumps(anomaly(n)) for n in range(3)), b"nonsense")
    with following(store, followed, tmp_path):
        wait_for_anomalies(store, 3)
    more = anomaly(2), anomaly(3), incident(3, 7)
    produce(kafka, name, *map(orjson.dumps, more))

    with following(store, followed, tmp_path):
        wait_for_anomalies(store, 4)

    with store.reading() as work:
        positions = work.positions.get(followed.place)
    assert sum(positions.values()) >= 5

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
from engine.domain.control.series import COARSE, EVENTS
from engine.domain.control.spans import LAST
from engine.domain.errors import RetryableError
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.prometheus_servers import wait_for
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


def score(number: int) -> bytes:
    values = [{"name": "t", "value": 20.0}]
    return orjson.dumps({**anomaly(number, values=values), "p_value": 0.5})


def counted(store: MemoryStore) -> int:
    with store.reading() as work:
        buckets = work.series.find("quick", "pump-1", COARSE, 0, LAST)
    return sum(one.count for one in buckets if one.value == EVENTS)


def test_scores_that_two_servers_follow_are_added_once(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    name = topic(2)
    settings = {"brokers": kafka.bootstrap, "topic": name, "start": "earliest"}
    followed = Followed("kafka", settings, f"kafka {name}", scores=True)
    store = MemoryStore()
    produce(kafka, name, *map(score, range(100)))
    with (
        following(store, followed, tmp_path / "a"),
        following(store, followed, tmp_path / "b"),
    ):
        wait_for(lambda: counted(store) >= 100, "the first scores")
        produce(kafka, name, *map(score, range(100, 200)))
        wait_for(lambda: counted(store) >= 200, "the others")

    # The lease is free once both have ended.
    with following(store, followed, tmp_path / "a"):
        produce(kafka, name, score(200))
        wait_for(lambda: counted(store) >= 201, "the last one")

    assert counted(store) == 201


def test_scores_that_another_server_has_stored_are_not_added(tmp_path: Path) -> None:
    file, store = tmp_path / "scores.ndjson", MemoryStore()
    file.write_bytes(score(1) + b"\n")
    settings = {"path": str(file), "follow": True}
    follower = Follower(store, Followed("file", settings, "scores", scores=True), tmp_path, Event())
    with store.writing() as work:
        work.positions.put("scores", {"0": 7})

    with pytest.raises(RetryableError, match="another server follows it"):
        follower._store_scores([orjson.loads(score(1))], "0", 8)

    assert counted(store) == 0

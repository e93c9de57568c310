"""A backtest over a period of a real topic."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event

import yaml
from confluent_kafka import Consumer, Producer, TopicPartition

from engine.application.control.backtest_worker import BacktestWorker
from engine.application.control.caller import SYSTEM
from engine.application.control.manage_pipelines import put_pipeline
from engine.application.control.memory_store import MemoryStore
from engine.application.control.start_backtest import start_backtest
from engine.domain.control.backtest import Found
from engine.presentation.command import RUN
from tests.support.kafka_cluster import KafkaCluster, TopicFactory

BEGIN = 1_767_225_600_000
PERIOD = {"since": "2026-01-01T01:00:00Z", "until": "2026-01-01T02:00:00Z"}


def test_the_messages_of_a_period_are_read_and_no_offset_is_changed(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source = topic(2)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for minute in range(180):
        time = BEGIN + minute * 60_000
        event = {"sensor": "a", "ts": time, "temperature": 20}
        # What cannot be read is counted: one message a quarter of an hour.
        value = b"no json" if minute % 15 == 0 else json.dumps(event).encode()
        producer.produce(source, value, b"a", partition=minute % 2, timestamp=time)
    assert producer.flush(120) == 0
    text = yaml.safe_dump(
        {
            "name": "quick",
            "source": {"kafka": {"brokers": kafka.bootstrap, "topic": source}},
            "event": {
                "key": "sensor",
                "time": {"path": "ts", "unit": "ms"},
                "values": ["temperature"],
            },
            "sinks": {"anomalies": {"stdout": {}}},
        }
    )
    store = MemoryStore()
    with store.writing() as work:
        put_pipeline(work, SYSTEM, 0, "quick", text, 0)
        asked = start_backtest(work, SYSTEM, 1, "quick", None, {"period": PERIOD})

    BacktestWorker(store, tmp_path / "backtests", RUN).step(Event())

    with store.reading() as work:
        done = work.backtests.get(asked.id)
    assert done is not None
    assert (done.stage, done.error, done.found) == ("done", "", Found(0, 0, 4))
    group = {"bootstrap.servers": kafka.bootstrap, "group.id": "pynomaly-quick"}
    consumer = Consumer(group)
    places = consumer.committed([TopicPartition(source, 0), TopicPartition(source, 1)], timeout=120)
    consumer.close()
    assert {place.offset for place in places} == {-1001}

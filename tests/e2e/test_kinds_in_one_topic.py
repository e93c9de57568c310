"""A topic with five kinds of messages: one kind is scored, the others are counted."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import yaml
from confluent_kafka import Producer

from tests.e2e.test_pipeline import metric, start, wait_for
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port

TS = 1_767_225_600_000
ROUNDS = 20


def kinds(number: int) -> list[object]:
    ts = TS + number * 1000
    cores = [{"core": name, "idle": 90 + number % 3} for name in ("c0", "c1")]
    return [
        {"kind": "cpu", "host": "h1", "ts": ts, "cores": cores},
        {"kind": "mem", "host": "h1", "ts": ts, "used": 40},
        {"kind": "log", "line": "hello"},
        [{"kind": "batch"}],
        {"heartbeat": number},
    ]


def test_one_kind_is_exploded_and_the_others_are_passed_over_and_counted(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source, port, scores = topic(), free_port(), tmp_path / "scores.ndjson"
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(ROUNDS):
        for message in kinds(number):
            producer.produce(source, json.dumps(message))
    assert producer.flush(120) == 0
    letters = tmp_path / "letters.ndjson"
    pipeline = {
        "name": "kinds",
        "source": {"kafka": {"brokers": kafka.bootstrap, "topic": source, "start": "earliest"}},
        "event": {
            "where": {"path": "kind", "equals": "cpu"},
            "explode": "cores",
            "key": ["host", "cores.core"],
            "time": {"path": "ts", "unit": "ms"},
            "values": {"idle": "cores.idle"},
        },
        "detectors": ["zscore"],
        "sinks": {
            "anomalies": {"stdout": {}},
            "scores": {"file": {"path": str(scores)}},
            "dead_letters": {"file": {"path": str(letters)}},
        },
        "state": {"directory": str(tmp_path / "state"), "checkpoint_interval": "200ms"},
        "metrics": {"port": port},
    }
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump(pipeline))

    process = start("run", file)
    try:
        wait_for(lambda: metric(port, "pynomaly_passed_over_total") == 4 * ROUNDS)
        wait_for(lambda: scores.exists() and len(scores.read_text().splitlines()) == 2 * ROUNDS)
        rejects = metric(port, "pynomaly_rejects_total")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(120)

    entities = {json.loads(line)["entity"] for line in scores.read_text().splitlines()}
    assert entities == {"h1/c0", "h1/c1"}
    assert (rejects, code) == (0, 0)
    assert not letters.exists() or not letters.read_text()

"""A topic with five kinds of messages: one kind is scored, the others and bad ones are counted."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import Producer

from tests.e2e.test_pipeline import metric, start, wait_for
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port

TS = 1_767_225_600_000
ROUNDS = 20
BAD_EVERY = 5
"""Rounds of which one has a core that cannot be read, and a message that is not JSON."""
BAD = ROUNDS // BAD_EVERY


def kinds(number: int) -> list[object]:
    ts = TS + number * 1000
    cores = [
        {"core": name, "idle": f"{90 + number % 3},5", "mode": "on" if number % 2 else "off"}
        for name in ("c0", "c1", "c2")
    ]
    if number % BAD_EVERY == 0:
        cores[1]["idle"] = "broken"
    return [
        {"kind": "cpu", "host": "h1", "ts": ts, "cores": cores},
        {"kind": "mem", "host": "h1", "ts": ts, "used": 40},
        {"kind": "log", "line": "hello"},
        [{"kind": "batch"}],
        {"heartbeat": number},
    ]


def test_one_kind_is_exploded_the_others_are_passed_over_and_bad_ones_are_dead_letters(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source, port, scores = topic(), free_port(), tmp_path / "scores.ndjson"
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(ROUNDS):
        for message in kinds(number):
            producer.produce(source, json.dumps(message))
        if number % BAD_EVERY == 0:
            producer.produce(source, b'{"kind": "cpu", "cores": [')
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
            "values": {
                "idle": {"path": "cores.idle", "as": "number", "decimal": ","},
                "mode": {"path": "cores.mode", "map": {"on": 1, "off": 0}},
            },
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
        wait_for(lambda: len(lines(scores)) == 3 * ROUNDS - BAD)
        wait_for(lambda: len(lines(letters)) == 2 * BAD)
        rejects = metric(port, "pynomaly_rejects_total")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(120)

    read = Counter(score["entity"] for score in lines(scores))
    assert read == {"h1/c0": ROUNDS, "h1/c1": ROUNDS - BAD, "h1/c2": ROUNDS}
    values = {tuple(value["value"] for value in score["values"]) for score in lines(scores)}
    assert values == {(90.5 + step, mode) for step in range(3) for mode in (0.0, 1.0)}
    reasons = Counter(letter["reason"] for letter in lines(letters))
    assert reasons == {"wrong_type": BAD, "not_json": BAD}
    assert (rejects, code) == (2 * BAD, 0)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

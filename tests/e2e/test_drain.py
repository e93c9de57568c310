"""Draining while what has to answer does not, on a real broker."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import orjson
from confluent_kafka import Producer

from engine.application.exit_code import ExitCode
from tests.chaos.reader import visible
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_broker import KafkaBroker

PATIENCE = 120.0
PIPELINE = """
name: drained
source: {{kafka: {{brokers: "{brokers}", topic: in, start: earliest}}}}
event: {{key: id, values: [v]}}
sinks:
  anomalies: {{kafka: {{topic: anomalies}}}}
  scores: {{kafka: {{topic: scores}}}}
  dead_letters: {{kafka: {{topic: dead_letters}}}}
state: {{kafka: {{topic: state}}, checkpoint_interval: 10m}}
metrics: null
"""


def test_a_drain_without_brokers_ends_and_says_what_it_waited_for(tmp_path: Path) -> None:
    file, log = tmp_path / "p.yaml", tmp_path / "log"
    with KafkaBroker() as broker, log.open("wb") as lines:
        for topic in ("in", "anomalies", "scores", "dead_letters"):
            broker.create_topic(topic, 1)
        file.write_text(PIPELINE.format(brokers=broker.bootstrap))
        _send(broker, 20)
        running = ForkedCommand("run", file, "--log-format", "json", stderr=lines)
        try:
            _wait_for_scores(broker, 20)
            broker.kill()
            running.send_signal(signal.SIGTERM)
            code = running.wait(PATIENCE)
        finally:
            running.kill()

    last = json.loads(log.read_text().splitlines()[-1])["message"]
    assert code == ExitCode.UNDRAINED, last
    assert last.startswith("stopped: the drain was broken off"), last
    assert broker.bootstrap in last
    assert "resumes at the last checkpoint" in last


def _send(broker: KafkaBroker, count: int) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(count):
        producer.produce("in", orjson.dumps({"id": "a", "v": number % 7}))
    assert producer.flush(120) == 0


def _wait_for_scores(broker: KafkaBroker, count: int) -> None:
    until = time.monotonic() + PATIENCE
    while len([*visible(broker.bootstrap, "scores")]) < count:
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.5)

"""A topic that changes under a running pipeline, on a real broker."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from tests.chaos.reader import visible
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_cluster import KafkaCluster, TopicFactory

WAIT = 90.0


class Running:
    """A run of a pipeline that publishes every score."""

    def __init__(self, folder: Path, kafka: KafkaCluster, source: str, scores: str) -> None:
        file = folder / "p.yaml"
        file.write_text(
            f"""
name: t{source[-12:]}
source:
  kafka:
    brokers: "{kafka.bootstrap}"
    topic: {source}
    start: earliest
    settings: {{topic.metadata.refresh.interval.ms: 2000}}
event: {{key: id, values: [v]}}
sinks:
  anomalies: {{file: {{path: "{folder}/out.ndjson"}}}}
  scores: {{kafka: {{topic: {scores}}}}}
state: {{directory: "{folder}/state", checkpoint_interval: 500ms}}
metrics: null
"""
        )
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = ForkedCommand("run", file, "--log-format", "json", stderr=log)

    def messages(self) -> list[str]:
        """Return the log's messages."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line)["message"] for line in lines if line.startswith("{")]


def send(kafka: KafkaCluster, topic: str, partition: int, count: int) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(count):
        value = orjson.dumps({"id": f"e{partition}", "v": number % 7})
        producer.produce(topic, value, partition=partition)
    assert producer.flush(120) == 0


def wait_for(condition) -> None:
    until = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.5)


def origins(kafka: KafkaCluster, topic: str) -> list[tuple[int, int]]:
    found = [message.value() or b"" for message in visible(kafka.bootstrap, topic)]
    places = [orjson.loads(value)["origin"] for value in found]
    return sorted((place["partition"], place["offset"]) for place in places)


def test_partitions_that_are_added_are_taken_up(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source, scores = topic(), topic()
    send(kafka, source, 0, 50)
    running = Running(tmp_path, kafka, source, scores)
    try:
        wait_for(lambda: len(origins(kafka, scores)) == 50)
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        admin.create_partitions([NewPartitions(source, 3)])[source].result(120)
        time.sleep(1)
        for partition in range(3):
            send(kafka, source, partition, 20)
        wait_for(lambda: len(origins(kafka, scores)) >= 110)
    finally:
        running.process.send_signal(signal.SIGTERM)
        code = running.process.wait(120)

    assert code == 0, running.messages()[-3:]
    expected = [(0, n) for n in range(70)] + [(p, n) for p in (1, 2) for n in range(20)]
    assert origins(kafka, scores) == expected
    assert any("has 3 partitions now, 1 before" in message for message in running.messages())


@pytest.mark.parametrize(
    ("again", "message"),
    [
        (False, "was deleted, or is hidden from us by changed access rights. Create it again"),
        (True, "was deleted and recreated while it was read: its id is another one"),
    ],
)
def test_a_topic_that_is_removed_is_an_error_that_says_so(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, again: bool, message: str
) -> None:
    source, scores = topic(partitions=2), topic()
    send(kafka, source, 0, 20)
    running = Running(tmp_path, kafka, source, scores)
    try:
        wait_for(lambda: len(origins(kafka, scores)) == 20)
        kafka.delete_topic(source)
        if again:
            time.sleep(0.2)
            kafka.create_topic(source, 1)
        code = running.process.wait(WAIT)
    finally:
        running.process.kill()

    assert code == 2, running.messages()[-3:]
    last = running.messages()[-1]
    assert f'topic "{source}" {message}' in last

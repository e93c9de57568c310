"""Feedback looks an anomaly up at the end of its topic, before it reads all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer

from engine.application.config.load import load
from engine.application.use_cases import published_anomalies
from engine.application.use_cases.judge_anomaly import judge
from tests.support.kafka_cluster import KafkaCluster, TopicFactory

PIPELINE = """
name: plant
source: {{kafka: {{brokers: "{brokers}", topic: in}}}}
event: {{key: id, values: [temp]}}
sinks: {{anomalies: {{kafka: {{brokers: "{brokers}", topic: {topic}}}}}}}
"""


def anomaly(number: int, incident: int) -> dict[str, Any]:
    part = {"name": "temp", "value": 40.0, "contribution": 1.0}
    return {
        "id": f"a{number}",
        "incident": f"a{incident}",
        "entity": "press",
        "kind": "spike",
        "time_ns": number,
        "p_value": 10.0 ** -(5 + number % 7),
        "threshold": 1e-4,
        "values": [{**part, "expected_low": 20.0, "expected_high": 25.0}],
    }


@pytest.fixture
def pipeline(kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path) -> Path:
    """Of 500 anomalies, 480 to 499 are one incident, and so are 440 to 445."""
    name = topic(partitions=1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(500):
        incident = 480 if number >= 480 else 440 if 440 <= number < 446 else number
        producer.produce(name, orjson.dumps(anomaly(number, incident)), partition=0)
    producer.flush()
    file = tmp_path / "plant.yaml"
    file.write_text(PIPELINE.format(brokers=kafka.bootstrap, topic=name))
    return file


@pytest.mark.parametrize(
    ("own", "read"), [("a499", 30), ("a480", 30), ("a445", 100), ("a440", 100), ("a3", 500)]
)
def test_reads_as_much_of_the_topic_as_has_the_whole_incident(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch, own: str, read: int
) -> None:
    file = load(pipeline)
    whole = judge(file, own, "true_alarm", "entity", [], None, 1_000)
    monkeypatch.setattr(published_anomalies, "WINDOWS", (30, 100))

    found = judge(file, own, "true_alarm", "entity", [], None, 1_000)

    assert found.fields == whole.fields
    assert (found.last, whole.last) == (read, 500)


def test_an_incident_that_began_before_what_was_read_is_read_from_its_beginning(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = load(pipeline)
    monkeypatch.setattr(published_anomalies, "WINDOWS", (10, 20))

    found = judge(file, "a480", "false_alarm", "entity", [], None, 1_000)

    assert found.last == 20
    assert found.fields["anomaly"] == "a482", "the rarest of the incident"

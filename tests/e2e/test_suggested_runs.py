"""Files that `pynomaly suggest` prints for messages of products, run to the end of their topics."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer

import pynomaly
from tests.e2e.test_pipeline import run
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.unit.operators.decode.test_producers_page import RECIPES

TIMES = 3
BROKEN = b"\xff not of any format"
REASONS = {"bad_utf8", "bad_format"}
"""What becomes of it as JSON, and in another format."""
FOUND = re.compile(r"# Suggested from (\d+) messages: (\d+) events of \d+ entities, (\d+) rejects")
PRODUCERS = {
    "Telegraf, JSON": None,
    "collectd, write_kafka": None,
    "StatsD": "statsd",
    "Telegraf, InfluxDB line protocol": "influx",
    "Shelly, second generation": None,
    "The Things Network, uplinks of its version 3": None,
    "Azure IoT Hub, batches of its routes": None,
    "OPC UA PubSub, JSON": None,
    "Kepware IoT gateway": None,
    "Open-Meteo": None,
    "Loki, push": None,
    "Prometheus, answers of its API": None,
    "Datadog, series of version 1": None,
    "Debezium, numbers as texts": None,
}
"""Recipes of docs/producers.md, and the format of messages that are not JSON."""


def sent(kafka: KafkaCluster, topic: str, payloads: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for payload in payloads:
        producer.produce(topic, payload, "device-1")
    assert producer.flush(120) == 0


def to_the_end(text: str, folder: Path) -> Path:
    """Write a suggested file with an end, and with files for what it makes of the messages."""
    document = yaml.safe_load(text)
    document["source"]["kafka"]["end"] = "2100-01-01T00:00:00Z"
    roles = ("anomalies", "scores", "dead_letters")
    document["sinks"] = {role: {"file": {"path": f"{folder}/{role}"}} for role in roles}
    document |= {"state": {"directory": f"{folder}/state"}, "metrics": None}
    if len(document["event"]["values"]) > 1:
        # The default is compiled for each number of values, which takes half a minute.
        document["detectors"] = ["zscore"]
    file = folder / "suggested.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def written(folder: Path, role: str) -> list[dict[str, Any]]:
    path = folder / role
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("title", PRODUCERS)
def test_each_message_is_scored_or_a_dead_letter(
    title: str, kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source, of_format = topic(), PRODUCERS[title]
    payloads = [line.encode() for line in RECIPES[title]["given"].splitlines()] * TIMES
    sent(kafka, source, payloads)
    options = ("--format", of_format) if of_format else ()

    suggested = run("suggest", "--kafka", kafka.bootstrap, "--topic", source, *options)
    sent(kafka, source, [BROKEN])
    pynomaly.run(to_the_end(suggested.stdout, tmp_path))

    found = FOUND.match(suggested.stdout)
    assert found, suggested.stderr
    messages, events, rejects = map(int, found.groups())
    scores, letters = (written(tmp_path, role) for role in ("scores", "dead_letters"))
    assert (messages, rejects) == (len(payloads), 0)
    assert len(scores) == events > 0
    assert [letter["offset"] for letter in letters] == [str(len(payloads))]
    assert letters[0]["reason"] in REASONS
    if "where" not in yaml.safe_load(suggested.stdout)["event"]:
        assert {score["origin"]["offset"] for score in scores} == {*range(len(payloads))}

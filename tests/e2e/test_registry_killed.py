"""A real schema registry that is killed while a pipeline runs, and started again."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from tests.e2e.test_pipeline import metric, start, wait_for
from tests.e2e.test_registry_outage import LAST, LATER, lines, written
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port
from tests.support.schema_registry import RegistryUnavailableError, SchemaRegistry
from tests.unit.connectors.formats.format_case import AVRO

COUNT = 20


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SchemaRegistry]:
    try:
        found = SchemaRegistry(tmp_path / "registry")
        found.start()
    except RegistryUnavailableError as error:
        pytest.skip(str(error))
    yield found
    found.kill()


def test_a_run_outlives_its_registry_and_goes_on_with_schemas_that_evolved(
    registry: SchemaRegistry, kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source, port = topic(), free_port()
    scores = tmp_path / "scores.ndjson"
    producer = Producer({"bootstrap.servers": kafka.bootstrap})

    def register(schema: dict[str, Any]) -> int:
        with SchemaRegistryClient({"url": registry.url, "timeout": 60}) as client:
            own = client.register_schema(f"{source}-value", Schema(json.dumps(schema), "AVRO"))
        return int(own)

    def produce(own: int, schema: dict[str, Any]) -> None:
        for number in range(COUNT):
            producer.produce(source, b"\0" + own.to_bytes(4, "big") + written(schema, number))
        assert producer.flush(120) == 0

    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump(pipeline(kafka, source, registry, tmp_path, port)))
    first, second = register(AVRO), register(LATER)
    produce(first, AVRO)
    process = start("run", file)
    try:
        wait_for(lambda: len(lines(scores)) == COUNT)

        registry.kill()
        produce(first, AVRO)
        wait_for(lambda: len(lines(scores)) == 2 * COUNT)
        produce(second, LATER)
        wait_for(lambda: metric(port, "pynomaly_decode_blocked_seconds") > 1)
        registry.start()
        wait_for(lambda: len(lines(scores)) == 3 * COUNT)

        produce(register(LAST), LAST)
        wait_for(lambda: len(lines(scores)) == 4 * COUNT)
        restarts = metric(port, "pynomaly_restarts_total")
        rejects = metric(port, "pynomaly_rejects_total")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(120)

    offsets = [score["origin"]["offset"] for score in lines(scores)]
    assert offsets == list(range(4 * COUNT))
    assert (restarts, rejects, code) == (0, 0, 0)


def pipeline(
    kafka: KafkaCluster, source: str, registry: SchemaRegistry, folder: Path, port: int
) -> dict[str, Any]:
    return {
        "name": "plant",
        "source": {"kafka": {"brokers": kafka.bootstrap, "topic": source, "start": "earliest"}},
        "event": {
            "format": {"avro": {"registry": {"url": registry.url, "timeout": 2}}},
            "key": "sensor",
            "time": {"path": "ts", "unit": "ms"},
            "values": ["temp"],
        },
        "detectors": ["zscore"],
        "sinks": {
            "anomalies": {"file": {"path": str(folder / "anomalies.ndjson")}},
            "scores": {"file": {"path": str(folder / "scores.ndjson")}},
        },
        "state": {"directory": str(folder / "state"), "checkpoint_interval": "200ms"},
        "metrics": {"port": port},
    }

"""Schemas that evolve while a pipeline runs: on a real broker, with a real schema registry."""

from __future__ import annotations

import io
import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest
import yaml
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from tests.e2e.test_pipeline import start, wait_for
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.schema_registry import RegistryUnavailableError, schema_registry
from tests.unit.connectors.formats.format_case import TS, field

OF_EACH, PARTITIONS = 30, 3
Version = tuple[str, Callable[[int], bytes]]


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    try:
        with schema_registry() as url:
            yield url
    except RegistryUnavailableError as error:
        pytest.skip(str(error))


def avro(*fields: dict[str, Any], **values: Any) -> Version:
    """Return a schema with a sensor, a time and some fields, and what writes a reading."""
    own = [{"name": "sensor", "type": "string"}, {"name": "ts", "type": "long"}, *fields]
    schema = {"type": "record", "name": "Reading", "fields": own}

    def write(number: int) -> bytes:
        stream = io.BytesIO()
        record = {"sensor": f"s{number % 5}", "ts": TS + number * 1000, **values}
        fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), record)
        return stream.getvalue()

    return json.dumps(schema), write


TEMP = {"name": "temp", "type": "int"}
AVRO = [
    avro(TEMP, temp=20),
    avro({"name": "site", "type": "string", "default": "x"}, TEMP, site="hall", temp=20),
    avro({**TEMP, "type": "double"}, temp=20.0),
    avro({"name": "temperature", "type": "double", "aliases": ["temp"]}, temperature=20.0),
    avro({**TEMP, "type": "string"}, temp="warm"),
    avro({"name": "humidity", "type": "double"}, humidity=50.0),
]
"""At first, a field added before, a type promoted, a name changed, a type changed, removed."""


def protobuf(fields: str, *written: bytes) -> Version:
    head = 'syntax = "proto3"; message Reading { string sensor = 1; int64 ts = 2;'

    def write(number: int) -> bytes:
        own = field(1, f"s{number % 5}") + field(2, TS + number * 1000)
        return b"\0" + own + b"".join(written)

    return f"{head} {fields} }}", write


PROTOBUF = [
    protobuf("int32 temp = 3;", field(3, 20)),
    protobuf("int32 temp = 3; string site = 4;", field(4, "hall"), field(3, 20)),
    protobuf("int64 temp = 3;", field(3, 20)),
    protobuf("double temp = 5; reserved 3;", field(5, 20.0)),
    protobuf("string temp = 3;", field(3, "warm")),
    protobuf("double humidity = 6;", field(6, 50.0)),
]


@pytest.mark.parametrize(
    ("kind", "versions"), [("avro", AVRO), ("protobuf", PROTOBUF)], ids=["avro", "protobuf"]
)
def test_readable_messages_are_scored_and_others_are_dead_letters(
    kind: str,
    versions: list[Version],
    registry: str,
    kafka: KafkaCluster,
    topic: TopicFactory,
    tmp_path: Path,
) -> None:
    source = topic(partitions=PARTITIONS)
    scores, letters = tmp_path / "scores", tmp_path / "letters"
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump(_pipeline(kind, registry, kafka, source, tmp_path)))
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    process = start("run", file)
    try:
        for place, (schema, write) in enumerate(versions):
            own = _register(registry, f"{source}-{place}", Schema(schema, kind.upper()))
            for number in range(place * OF_EACH, (place + 1) * OF_EACH):
                payload = b"\0" + own.to_bytes(4, "big") + write(number)
                producer.produce(source, payload, str(number), partition=number % PARTITIONS)
            assert producer.flush(30) == 0
            sent = (place + 1) * OF_EACH
            wait_for(lambda sent=sent: len(_lines(scores)) + len(_lines(letters)) >= sent)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0

    reasons = Counter(letter["reason"] for letter in _lines(letters))
    assert len(_lines(scores)) == 4 * OF_EACH
    assert reasons == {"wrong_type": OF_EACH, "missing_value": OF_EACH}


def _register(url: str, subject: str, schema: Schema) -> int:
    with SchemaRegistryClient({"url": url, "timeout": 60}) as client:
        return int(client.register_schema(subject, schema))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _pipeline(
    kind: str, url: str, kafka: KafkaCluster, source: str, folder: Path
) -> dict[str, Any]:
    sinks = {
        "anomalies": {"stdout": {}},
        "scores": {"file": {"path": str(folder / "scores")}},
        "dead_letters": {"file": {"path": str(folder / "letters")}},
    }
    return {
        "name": "evolving",
        "source": {"kafka": {"brokers": kafka.bootstrap, "topic": source, "start": "earliest"}},
        "event": {
            "format": {kind: {"registry": {"url": url}}},
            "key": "sensor",
            "time": {"path": "ts", "unit": "ms"},
            "values": ["temp"],
        },
        "detectors": ["zscore"],
        "sinks": sinks,
        "state": {"directory": str(folder / "state"), "checkpoint_interval": "200ms"},
        "metrics": None,
    }

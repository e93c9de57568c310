"""Avro in and Avro out on a real broker, with a real schema registry."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from connectors.formats.avro import Avro
from tests.chaos.reader import visible
from tests.e2e.test_pipeline import start
from tests.e2e.test_topic_changes import wait_for
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.schema_registry import RegistryUnavailableError, schema_registry
from tests.unit.connectors.formats.format_case import AVRO, READING, TS, avro

COUNT = 50


def test_avro_is_read_and_scores_are_written_as_avro_and_cloudevents(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source, scores = topic(), topic()
    try:
        with schema_registry() as url:
            registry = {"registry": {"url": url}}
            with SchemaRegistryClient({"url": url, "timeout": 60}) as client:
                own = client.register_schema(f"{source}-value", Schema(json.dumps(AVRO), "AVRO"))
            pipeline = {
                "name": "plant",
                "source": {
                    "kafka": {"brokers": kafka.bootstrap, "topic": source, "start": "earliest"}
                },
                "event": {
                    "format": {"avro": registry},
                    "key": {"message": {"avro": {"schema_text": '"string"'}}},
                    "time": {"path": "ts", "unit": "ms"},
                    "values": ["temp"],
                },
                "detectors": ["zscore"],
                "sinks": {
                    "anomalies": {"file": {"path": str(tmp_path / "out.ndjson")}},
                    "scores": {
                        "kafka": {
                            "topic": scores,
                            "format": {"avro": registry},
                            "cloudevents": True,
                        }
                    },
                },
                "state": {"directory": str(tmp_path / "state"), "checkpoint_interval": "200ms"},
                "metrics": None,
            }
            file = tmp_path / "p.yaml"
            file.write_text(yaml.safe_dump(pipeline))
            producer = Producer({"bootstrap.servers": kafka.bootstrap})
            for number in range(COUNT):
                body = avro({**READING, "ts": TS + number, "temp": float(number % 7)})
                producer.produce(source, b"\0" + own.to_bytes(4, "big") + body, b"\x04s1")
            assert producer.flush(120) == 0

            process = start("run", file)
            try:
                wait_for(lambda: sum(1 for _ in visible(kafka.bootstrap, scores)) == COUNT)
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(120) == 0

            found = list(visible(kafka.bootstrap, scores))
            reader = Avro(Avro.Settings.model_validate(registry), frozenset())
            documents = [reader.decode(message.value() or b"", ()) for message in found]
    except RegistryUnavailableError as error:
        pytest.skip(str(error))

    assert {document["entity"] for document in documents} == {"s1"}
    assert [document["origin"]["offset"] for document in documents] == list(range(COUNT))
    headers = dict(found[0].headers() or ())
    assert headers["ce_type"] == b"io.pynomaly.score"
    assert headers["ce_id"] == documents[0]["id"].encode()

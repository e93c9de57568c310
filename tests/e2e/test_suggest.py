"""From a topic to a pipeline that runs, without a line written by hand."""

from __future__ import annotations

import json
from pathlib import Path

from confluent_kafka import Producer

from tests.e2e.test_pipeline import run
from tests.support.kafka_cluster import KafkaCluster, TopicFactory

TS = 1_767_225_600_000


def test_a_suggested_pipeline_is_valid_and_reads_the_topic(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source = topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for n in range(60):
        elements = [{"name": name, "value": n % 7} for name in ("flow", "pressure")]
        message = {"id": f"m{n}", "pump": f"p{n % 3}", "time": TS + n * 1000, "found": elements}
        producer.produce(source, json.dumps(message), f"p{n % 3}")
    assert producer.flush(120) == 0

    suggested = run("suggest", "--kafka", kafka.bootstrap, "--topic", source)
    file = tmp_path / "p.yaml"
    file.write_text(suggested.stdout)
    validated = run("validate", file, "--connect")
    sampled = run("sample", file, "--messages", "2")

    assert (suggested.returncode, suggested.stderr) == (0, "")
    assert "120 events of 6 entities, 0 rejects" in suggested.stdout
    assert (validated.returncode, validated.stderr) == (0, "")
    assert "60 of 60 sampled decode" in validated.stdout
    assert "2 messages: 4 events, 0 rejects" in sampled.stdout
    assert "p1/flow" in sampled.stdout


def test_rejects_are_counted_by_reason_with_one_of_each(tmp_path: Path) -> None:
    good = [json.dumps({"id": "a", "ts": TS + n, "v": n}) for n in range(9)]
    file = tmp_path / "a.ndjson"
    file.write_text("\n".join([*good, '{"id": 1', "started at 9", "stopped", '"text"']))

    done = run("suggest", file)

    assert "# rejected: 3 not_json: not JSON at byte " in done.stdout
    assert "# rejected: 1 not_an_object: " in done.stdout

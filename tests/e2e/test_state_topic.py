"""`pynomaly state` on state that lies in Kafka."""

from __future__ import annotations

import signal
from pathlib import Path

from confluent_kafka import Producer

from engine.application.key_ring import new_key
from engine.application.state.encrypted import MAGIC as STATE_MAGIC
from engine.domain.snapshot import MAGIC as PLAIN_MAGIC
from tests.e2e.test_pipeline import lag, messages, run, start, wait_for
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port

HALF = 2_000


def write(folder: Path, kafka: KafkaCluster, source: str, scores: str) -> Path:
    file, key = folder / "p.yaml", folder / "key"
    key.write_text(new_key() + "\n")
    file.write_text(
        f"""
name: p{source[-12:]}
source: {{kafka: {{brokers: "{kafka.bootstrap}", topic: {source}}}}}
event: {{key: sensor, time: {{path: ts, unit: ms}}, values: [temp]}}
detectors: [{{zscore: {{half_life: 100}}}}]
delivery: exactly_once
sinks:
  anomalies: {{kafka: {{topic: {scores}}}}}
  scores: {{kafka: {{topic: {scores}}}}}
  dead_letters: {{kafka: {{topic: {scores}}}}}
state: {{kafka: {{topic: {source}-state}}, checkpoint_interval: 500ms,
  encryption_key: "${{file:{key}}}"}}
metrics: {{port: {free_port()}}}
"""
    )
    return file


def send(kafka: KafkaCluster, source: str, found: list[bytes]) -> None:
    """Send messages to two partitions in turn: five of the 20 sensors are in both of them."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for n, message in enumerate(found):
        sensor = n % 20
        partition = n // 20 % 2 if sensor < 5 else sensor % 2
        producer.produce(source, message, partition=partition)
    producer.flush()


def test_state_in_a_topic_is_looked_at_carried_and_removed(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    source, scores = topic(2), topic()
    file = write(tmp_path, kafka, source, scores)
    group, archive = f"pynomaly-p{source[-12:]}", tmp_path / "state.tar.gz"

    assert "nothing is stored" in run("state", "inspect", file).stdout

    running = start("run", file)
    send(kafka, source, messages(2 * HALF)[:HALF])
    wait_for(lambda: lag(kafka, source, group) == 0)
    refused = [
        run("state", *words, file, *more)
        for words, more in (
            (["export"], [archive]),
            (["reset", "--yes"], []),
        )
    ]
    running.send_signal(signal.SIGTERM)
    assert running.wait(120) == 0
    inspected = run("state", "inspect", file).stdout
    explained = run("explain", file, "--entity", "s3").stdout
    exported = run("state", "export", file, archive)
    again = run("state", "import", file, archive)
    reset = run("state", "reset", file, "--yes")
    empty = run("state", "inspect", file).stdout
    imported = run("state", "import", file, archive)

    assert [done.returncode for done in refused] == [2, 2]
    assert all("stop all instances" in done.stderr for done in refused)
    assert f"topic {source}-state" in inspected
    assert "entities      20 or more" in inspected
    assert "5 are in several partitions" in inspected
    assert "nothing changed: all of it is kept" in inspected
    assert "partition     0" in explained
    assert "partition     1" in explained
    assert "comes from 2 partitions (0, 1)" in explained
    assert exported.returncode == 0, exported.stderr
    assert again.returncode == 2
    assert "holds state already" in again.stderr
    assert reset.returncode == 0, reset.stderr
    assert "nothing is stored" in empty
    assert imported.returncode == 0, imported.stderr
    before = [line for line in inspected.splitlines() if not line.startswith("checkpoints")]
    restored = run("state", "inspect", file).stdout.splitlines()
    assert [line for line in restored if not line.startswith("checkpoints")] == before

    running = start("run", file)
    send(kafka, source, messages(2 * HALF)[HALF:])
    wait_for(lambda: lag(kafka, source, group) == 0)
    running.send_signal(signal.SIGTERM)
    assert running.wait(120) == 0
    # An anomaly is seen as a score and as itself; nothing was read twice.
    published = [message.headers() for message in kafka.read(scores, "read_committed")]
    origins = run("state", "inspect", file).stdout
    stored = [message.value() for message in kafka.read(f"{source}-state", "read_committed")]
    assert len(published) >= 2 * HALF
    assert f"0 at {HALF}" not in origins
    assert any(value.startswith(STATE_MAGIC) for value in stored if value)
    assert not any(PLAIN_MAGIC in value for value in stored if value)

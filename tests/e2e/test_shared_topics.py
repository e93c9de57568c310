"""Two pipelines on the same topics, with just the rights that docs/security.md lists."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.e2e.test_instances import instance, kill
from tests.e2e.test_pipeline import lag, messages, wait_for
from tests.support.kafka_tools import write_tools
from tests.support.secured_kafka import (
    GROUP,
    PREFIXED,
    TOPIC,
    TRANSACTIONAL_ID,
    SecuredKafka,
    secured_kafka,
)

NAMES = ("one", "other")
HALF = 1_000


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[SecuredKafka]:
    with secured_kafka(tmp_path) as broker:
        broker.broker.create_topic("events", 2)
        broker.broker.create_topic("found", 2)
        broker.allow(TOPIC, "events", "READ", "DESCRIBE")
        broker.allow(TOPIC, "found", "WRITE", "DESCRIBE")
        for name in NAMES:
            broker.broker.create_topic(f"{name}-state", 2, {"cleanup.policy": "compact"})
            broker.allow(TOPIC, f"{name}-state", "READ", "WRITE", "DESCRIBE")
            broker.allow(GROUP, f"pynomaly-{name}", "READ")
            prefix = f"pynomaly-{name}-"
            broker.allow(TRANSACTIONAL_ID, prefix, "WRITE", "DESCRIBE", pattern=PREFIXED)
        yield broker


def write(folder: Path, secured: SecuredKafka, name: str) -> Path:
    login = json.dumps({**secured.login(), "session.timeout.ms": "6000"})
    file, key = folder / f"{name}.yaml", "sensor, time: {path: ts, unit: ms}, values: [temp]"
    file.write_text(
        f"""
name: {name}
source: {{kafka: {{brokers: "{secured.sasl}", topic: events, settings: {login}}}}}
event: {{key: {key}}}
detectors: [{{zscore: {{half_life: 100}}}}]
delivery: exactly_once
sinks:
  anomalies: {{kafka: {{topic: found}}}}
  scores: {{kafka: {{topic: found}}}}
  dead_letters: {{kafka: {{topic: found}}}}
state: {{kafka: {{topic: {name}-state}}, checkpoint_interval: 500ms}}
metrics: null
"""
    )
    return file


def send(secured: SecuredKafka, found: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": secured.broker.bootstrap})
    for n, message in enumerate(found):
        producer.produce("events", message, partition=n % 20 % 2)
    producer.flush(60)


def seen_by_console_consumer(secured: SecuredKafka, folder: Path) -> list[str]:
    """Return what Kafka's own Java consumer shows of committed records: headers, key, value."""
    write_tools(folder)
    done = subprocess.run(
        [
            folder / "kafka-console-consumer.sh",
            *("--bootstrap-server", secured.broker.bootstrap, "--topic", "found"),
            *("--isolation-level", "read_committed", "--from-beginning"),
            *("--timeout-ms", "20000", "--property", "print.headers=true"),
        ],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.stdout.splitlines()


def test_a_killed_pipeline_beside_another_is_exact_for_a_java_consumer(
    secured: SecuredKafka, tmp_path: Path
) -> None:
    one, other = (write(tmp_path, secured, name) for name in NAMES)
    sent = messages(2 * HALF)
    send(secured, sent[:HALF])

    with instance(one) as killed, instance(other) as whole:
        wait_for(lambda: lag(secured.broker, "events", "pynomaly-one") < HALF)
        send(secured, sent[HALF:])
        kill(killed)
        with instance(one) as again:
            for name in NAMES:
                group = f"pynomaly-{name}"
                wait_for(lambda g=group: lag(secured.broker, "events", g) == 0)
            for process in (whole, again):
                process.send_signal(signal.SIGTERM)
                assert process.wait(90) == 0

    headers = [
        line.split("\t")[0].split(",") for line in seen_by_console_consumer(secured, tmp_path)
    ]
    ids = Counter(part for parts in headers for part in parts if part.startswith("pynomaly-id:"))
    assert len(ids) >= 2 * len(sent)
    assert set(ids.values()) == {1}

"""Event order and a shared control log: instances that are killed publish equal bytes."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
from confluent_kafka import Producer

from tests.e2e.test_instances import instance, kill
from tests.e2e.test_pipeline import wait_for
from tests.support.commands import run_command
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port

PARTITIONS, SENSORS = 4, 12
BEGIN, MINUTE = 1_767_225_600_000, 60_000
EARLY, LATER, COMPARED = 120, 400, 360
"""Minutes of event time: until the control records are written, until the end, and until which
results are compared. What comes behind waits for events that would follow."""
MUTED = 200, 300
"""Minutes between which a silence mutes and a pause keeps from learning."""


def minutes(first: int, last: int) -> list[tuple[int, bytes]]:
    """Return the messages of some minutes, out of order and some of them late, and their keys."""
    draw = random.Random(first)
    found = []
    for minute in range(first, last):
        for sensor in range(SENSORS):
            wrong = minute in (210 + sensor, 310 + sensor)
            value = 60.0 if wrong else draw.gauss(10, 1)
            event = {"sensor": f"s{sensor}", "ts": BEGIN + minute * MINUTE, "temp": value}
            found.append((minute + draw.uniform(0, 9), sensor, orjson.dumps(event)))
    return [(sensor, event) for _, sensor, event in sorted(found)]


class Plant:
    """A topic whose events are out of order, and pipelines that read it."""

    def __init__(self, kafka: KafkaCluster, topic: TopicFactory, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.source = topic(PARTITIONS)
        self.scores, self.anomalies, self.letters = topic(2), topic(), topic()

    def write(self, name: str, more: str = "") -> Path:
        """Write a pipeline file; with `more` of the group for one that keeps to itself."""
        roles = {"scores": self.scores, "anomalies": self.anomalies, "dead_letters": self.letters}
        state = f"kafka: {{topic: {self.source}-state}}"
        sinks = {role: f"{{kafka: {{topic: {place}}}}}" for role, place in roles.items()}
        if more:
            state = f'directory: "{self.folder}/{name}-state"'
            sinks = {role: f'{{file: {{path: "{self.path(name, role)}"}}}}' for role in roles}
        listed = "\n".join(f"  {role}: {sink}" for role, sink in sinks.items())
        file = self.folder / f"{name}.yaml"
        file.write_text(
            f"""
name: p{self.source[-12:]}
source: {{kafka: {{brokers: "{self.kafka.bootstrap}", topic: {self.source}{more}}}}}
event:
  key: sensor
  time: {{path: ts, unit: ms}}
  values: [temp]
  order: event_time
  lateness: 8m
  max_future: 36500d
detectors: [{{zscore: {{half_life: 50}}}}]
alert: {{p_value: 1e-3}}
delivery: {"at_least_once" if more else "exactly_once"}
control: {{kafka: {{topic: {self.source}-control}}}}
sinks:
{listed}
state: {{{state}, checkpoint_interval: 500ms}}
metrics: {{port: {free_port()}}}
"""
        )
        return file

    def path(self, name: str, role: str) -> Path:
        return self.folder / f"{name}-{role}"

    def produce(self, events: list[tuple[int, bytes]], rate: float = 1e9) -> None:
        """Send events, at a rate a second."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap})
        began = time.monotonic()
        for n, (sensor, event) in enumerate(events):
            producer.produce(self.source, event, b"%d" % sensor, partition=sensor % PARTITIONS)
            producer.poll(0)
            if n % 40 == 0:
                time.sleep(max(0.0, began + n / rate - time.monotonic()))
        producer.flush()

    def published(self, topic: str) -> list[bytes]:
        """Return the documents in a topic that are compared."""
        found = self.kafka.read(topic, "read_committed")
        return [value for one in found if is_compared(value := one.value() or b"")]

    def control(self, *words: str) -> None:
        """Write a control record."""
        span = tuple(str((BEGIN + minute * MINUTE) / 1_000) for minute in MUTED)
        when = ("--from", iso(span[0]), "--until", iso(span[1]))
        run_command("control", self.folder / "one.yaml", *words, *when).check_returncode()

    def logged(self, name: str, words: str) -> bool:
        return words in (self.folder / f"{name}.log").read_text()


def iso(seconds: str) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(seconds)))


def is_compared(document: bytes) -> bool:
    found: dict[str, Any] = orjson.loads(document)
    time_ns: int = found["time_ns"]
    return time_ns < (BEGIN + COMPARED * MINUTE) * 1_000_000


def test_order_and_records_of_instances_that_are_killed_are_those_of_one(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    plant = Plant(kafka, topic, tmp_path)
    with instance(plant.write("one")) as one, instance(plant.write("two")) as two:
        plant.produce(minutes(0, EARLY))
        wait_for(lambda: len(plant.published(plant.scores)) >= SENSORS * (EARLY - 20))
        plant.control("silence", "--publish", "--entities", "s[0-5]")
        plant.control("pause")
        wait_for(lambda: all(plant.logged(name, "pause-2 by") for name in ("one", "two")))
        producing = Thread(target=plant.produce, args=(minutes(EARLY, LATER), 600))
        producing.start()
        time.sleep(1)
        kill(one)
        with instance(plant.write("three")) as three:
            time.sleep(2)
            two.send_signal(signal.SIGTERM)
            assert two.wait(120) == 0
            producing.join()
            wait_for(lambda: len(plant.published(plant.scores)) >= SENSORS * COMPARED)
            three.send_signal(signal.SIGTERM)
            assert three.wait(120) == 0
    scores = plant.path("undisturbed", "scores")
    whole = plant.write("undisturbed", f", group: {plant.source}-undisturbed")
    with instance(whole) as undisturbed:
        wait_for(lambda: scores.exists() and len(compared(scores)) >= SENSORS * COMPARED)
        undisturbed.send_signal(signal.SIGTERM)
        assert undisturbed.wait(120) == 0

    assert sorted(plant.published(plant.scores)) == sorted(compared(scores))
    found = plant.published(plant.anomalies)
    assert sorted(found) == sorted(compared(plant.path("undisturbed", "anomalies")))
    muted = [orjson.loads(one) for one in found if b'"suppressed_by":"silence-1"' in one]
    assert {one["entity"] for one in muted} == {f"s{sensor}" for sensor in range(6)}
    assert len(muted) < len(found)


def compared(path: Path) -> list[bytes]:
    """Return the whole lines of a file of which the documents are compared."""
    lines = path.read_bytes().splitlines(keepends=True)
    return [line[:-1] for line in lines if line.endswith(b"\n") and is_compared(line)]

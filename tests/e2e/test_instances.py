"""Instances of one pipeline that share a topic, with their state in Kafka."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import orjson
import pytest
from confluent_kafka import Producer

from tests.e2e.test_pipeline import messages, wait_for
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port

PARTITIONS = 4
EVENTS = 6_000
RATE = 400
"""Events a second."""
SHOWN_LINES = 30
"""The last lines of a log that are shown when a test fails."""


class Plant:
    """Topics, and pipelines that read the same source: one in instances, one undisturbed."""

    def __init__(self, kafka: KafkaCluster, topic: TopicFactory, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.source = topic(partitions=PARTITIONS)
        self.anomalies, self.scores, self.dead_letters = topic(), topic(partitions=2), topic()
        self.state = f"{self.source}-state"

    def pipeline(self, number: int, delivery: str) -> Path:
        """Write the file of an instance; they differ in the port of their metrics alone."""
        sinks = {
            "anomalies": f"{{kafka: {{topic: {self.anomalies}}}}}",
            "scores": f"{{kafka: {{topic: {self.scores}}}}}",
            "dead_letters": f"{{kafka: {{topic: {self.dead_letters}}}}}",
        }
        state = f"{{kafka: {{topic: {self.state}}}, checkpoint_interval: 500ms}}"
        return self._write(f"instance-{number}", "", sinks, state, delivery)

    def undisturbed(self) -> Path:
        """Write the file of a pipeline that reads the same, and keeps to itself."""
        sinks = {
            role: f'{{file: {{path: "{self.folder}/expected-{role}.ndjson"}}}}'
            for role in ("anomalies", "scores")
        }
        group = f", group: {self.source}-undisturbed"
        return self._write("undisturbed", group, sinks, f'{{directory: "{self.folder}/state"}}')

    def _write(
        self,
        name: str,
        more: str,
        sinks: dict[str, str],
        state: str,
        delivery: str = "at_least_once",
    ) -> Path:
        file = self.folder / f"{name}.yaml"
        listed = "\n".join(f"  {role}: {sink}" for role, sink in sinks.items())
        file.write_text(
            f"""
name: p{self.source[-12:]}
source: {{kafka: {{brokers: "{self.kafka.bootstrap}", topic: {self.source}{more}}}}}
event:
  key: sensor
  time: {{path: ts, unit: ms}}
  max_future: 36500d
  values: [temp]
detectors: [{{zscore: {{half_life: 100}}}}]
delivery: {delivery}
sinks:
{listed}
state: {state}
metrics: {{port: {free_port()}}}
"""
        )
        return file

    def produce(self) -> None:
        """Send all events, at the rate."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap})
        began = time.monotonic()
        for n, message in enumerate(messages(EVENTS)):
            key = b"%d" % (n % 20)
            producer.produce(self.source, message, key, partition=(n % 20) % PARTITIONS)
            producer.poll(0)
            if n % 40 == 0:
                time.sleep(max(0.0, began + n / RATE - time.monotonic()))
        producer.flush()

    def published(self) -> dict[str, list[bytes]]:
        """Return what a `read_committed` reader sees of each id of a score."""
        found: dict[str, list[bytes]] = {}
        for message in self.kafka.read(self.scores, "read_committed"):
            value = message.value() or b""
            found.setdefault(orjson.loads(value)["id"], []).append(value)
        return found


@contextmanager
def instance(file: Path) -> Iterator[ForkedCommand]:
    """Run a pipeline in processes of its own; its log is shown when the test fails meanwhile."""
    path = file.with_suffix(".log")
    log = path.open("ab")
    process = ForkedCommand("run", file, stderr=log)
    try:
        yield process
    except BaseException:
        last = path.read_text(errors="replace").splitlines()[-SHOWN_LINES:]
        print(f"{path}, exit code {process.poll()}:", *last, sep="\n")
        raise
    finally:
        kill(process)
        log.close()


def kill(process: ForkedCommand) -> None:
    """End an instance as a lost host would: its processes die with their supervisor."""
    process.kill()
    process.wait()


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_instances_share_and_take_over_with_equal_bytes(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, delivery: str
) -> None:
    plant = Plant(kafka, topic, tmp_path)
    with (
        instance(plant.pipeline(1, delivery)) as first,
        instance(plant.pipeline(2, delivery)) as second,
    ):
        wait_for(lambda: "partitions of this process" in log(plant, 1) + log(plant, 2))
        producing = Thread(target=plant.produce)
        producing.start()
        time.sleep(5)
        kill(first)
        time.sleep(2)
        with instance(plant.pipeline(3, delivery)) as third:
            time.sleep(4)
            second.send_signal(signal.SIGTERM)
            assert second.wait(120) == 0
            producing.join()
            wait_for(lambda: len(plant.published()) >= EVENTS - 2)
            third.send_signal(signal.SIGTERM)
            assert third.wait(120) == 0
    undisturbed = ForkedCommand("run", plant.undisturbed())
    wait_for(lambda: lines(plant) >= EVENTS - 2)
    undisturbed.send_signal(signal.SIGTERM)
    undisturbed.wait()

    found = plant.published()

    expected = {
        orjson.loads(line)["id"]: line
        for line in (tmp_path / "expected-scores.ndjson").read_bytes().splitlines()
    }

    assert found.keys() == expected.keys()
    assert all(set(copies) == {expected[own]} for own, copies in found.items())
    if delivery == "exactly_once":
        assert all(len(copies) == 1 for copies in found.values())


def log(plant: Plant, number: int) -> str:
    return (plant.folder / f"instance-{number}.log").read_text()


def lines(plant: Plant) -> int:
    path = plant.folder / "expected-scores.ndjson"
    return len(path.read_bytes().splitlines()) if path.exists() else 0

"""`event.repartition`: entities that are in all partitions of a topic become those of one each."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, cast

import orjson
import pytest
from confluent_kafka import Message, Producer

from tests.e2e.test_pipeline import messages, run, start, wait_for
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port

PARTITIONS, SENSORS, EVENTS, COMPARED = 4, 20, 8_000, 3_000
"""Those that are not compared come later by more than the lateness: they release the others."""
RATE = 1_200
"""Events a second."""
Score = tuple[str, int]
"""The entity and the time of an event."""


class Plant:
    """A topic without keys, one with keys that holds the same events, and the topics of results."""

    def __init__(self, kafka: KafkaCluster, topic: TopicFactory, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.unkeyed, self.keyed = topic(PARTITIONS), topic(PARTITIONS)
        self.scores, self.expected, self.letters = topic(2), topic(2), topic()
        self.events = messages(EVENTS)
        self.until = orjson.loads(self.events[COMPARED])["ts"] * 1_000_000

    def write(self, name: str, source: str, scores: str, state: str, more: str = "") -> Path:
        file = self.folder / f"{name}.yaml"
        file.write_text(
            f"""
name: {name}-{self.unkeyed[-12:]}
source: {{kafka: {{brokers: "{self.kafka.bootstrap}", topic: {source}}}}}
event:
  key: sensor
  time: {{path: ts, unit: ms}}
  values: [temp]
  order: event_time
  lateness: 3h
  {more}
detectors: [{{zscore: {{half_life: 100}}}}]
delivery: exactly_once
sinks:
  anomalies: {{kafka: {{topic: {self.letters}}}}}
  scores: {{kafka: {{topic: {scores}}}}}
  dead_letters: {{kafka: {{topic: {self.letters}}}}}
state: {{{state}, checkpoint_interval: 500ms}}
metrics: {{port: {free_port(together=4)}}}
"""
        )
        return file

    def produce(self) -> None:
        """Send the events to both topics, at the rate."""
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap})
        began = time.monotonic()
        for n, event in enumerate(self.events):
            headers: list[tuple[str, str | bytes | None]] = [("n", b"%d" % n)]
            producer.produce(self.unkeyed, event, partition=n % PARTITIONS, headers=headers)
            sensor = n % SENSORS
            producer.produce(self.keyed, event, b"%d" % sensor, partition=sensor % PARTITIONS)
            producer.poll(0)
            if n % 50 == 0:
                time.sleep(max(0.0, began + n / RATE - time.monotonic()))
        producer.flush()

    def read(self, topic: str) -> dict[Score, list[dict[str, Any]]]:
        """Return the scores of the first events in a topic, by entity and time."""
        found: dict[Score, list[dict[str, Any]]] = {}
        for message in self.kafka.read(topic, "read_committed"):
            score = orjson.loads(message.value() or b"")
            if score["time_ns"] < self.until:
                found.setdefault((score["entity"], score["time_ns"]), []).append(score)
        return found

    def rejected(self) -> list[Message]:
        """Return the dead letters."""
        found = self.kafka.read(self.letters, "read_committed")
        return [one for one in found if "pynomaly-reason" in dict(headers_of(one))]


@contextmanager
def running(*words: object) -> Iterator[ForkedCommand]:
    """Run a command, and kill it at the end, with its processes, unless it has ended."""
    process = start(*words)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def children(supervisor: ForkedCommand) -> list[int]:
    found = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text()
    return [int(pid) for pid in found.split()]


def kill_one(supervisor: ForkedCommand, wanted: int) -> None:
    """Kill a process of a run, once it has begun."""

    def found() -> list[int]:
        names = {pid: Path(f"/proc/{pid}/comm").read_text() for pid in children(supervisor)}
        return [pid for pid, name in names.items() if name.strip() == f"pynomaly-{wanted}"]

    wait_for(found)
    os.kill(found()[0], signal.SIGKILL)


@pytest.mark.parametrize("state", ["kafka", "directory"])
def test_scores_are_those_of_a_keyed_topic_kills_or_not(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path, state: str
) -> None:
    plant = Plant(kafka, topic, tmp_path)
    kept = f'directory: "{tmp_path}/state"'
    if state == "kafka":
        kept = f"kafka: {{topic: {plant.unkeyed}-state}}"
    through = f"repartition: {{kafka: {{topic: {plant.unkeyed}-keyed}}}}"
    file = plant.write("unkeyed", plant.unkeyed, plant.scores, kept, through)
    keyed = plant.write("keyed", plant.keyed, plant.expected, f'directory: "{tmp_path}/keyed"')
    bad = plant.events.count(b"garbage")
    results = plant.scores, plant.expected
    whole = COMPARED - plant.events[:COMPARED].count(b"garbage")

    producing = Thread(target=plant.produce)
    producing.start()
    with running("run", file, "--processes", "2") as first:
        for process in (2, 0, 3):
            time.sleep(1)
            kill_one(first, process)
        time.sleep(1)
    with running("run", file) as second, running("run", keyed) as undisturbed:
        producing.join()
        wait_for(lambda: all(len(plant.read(topic)) >= whole for topic in results))
        wait_for(lambda: len(plant.rejected()) == 2 * bad)
        for one in (second, undisturbed):
            one.send_signal(signal.SIGTERM)
            assert one.wait(120) == 0

    found, expected = plant.read(plant.scores), plant.read(plant.expected)
    sent = {place_of(message): message for message in kafka.read(plant.unkeyed)}
    assert {len(of_one) for of_one in found.values()} == {1}
    assert found.keys() == expected.keys()
    for event, (score,) in found.items():
        assert score["p_value"] == expected[event][0]["p_value"]
        origin = score["origin"]
        assert origin["topic"] == plant.unkeyed
        original = orjson.loads(sent[origin["partition"], origin["offset"]].value() or b"")
        assert (original["sensor"], original["ts"] * 1_000_000) == event
    letters = [dict(headers_of(letter)) for letter in plant.rejected()]
    ours = [letter for letter in letters if letter["pynomaly-topic"] == plant.unkeyed.encode()]
    assert len(ours) == len({letter["pynomaly-id"] for letter in ours}) == bad
    for message in kafka.read(f"{plant.unkeyed}-keyed", "read_committed"):
        *before, (name, place) = headers_of(message)
        partition, offset = map(int, place.split(b"/")[1:])
        was, key = sent[partition, offset], message.key() or b""
        assert (name, before) == ("pynomaly-origin", headers_of(was))
        assert (message.value(), message.timestamp()) == (was.value(), was.timestamp())
        assert key == orjson.loads(was.value() or b"")["sensor"].encode()
        assert message.partition() == (murmur2(key) & 0x7FFFFFFF) % PARTITIONS


def test_events_of_exploded_messages_come_once(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    plant = Plant(kafka, topic, tmp_path)
    count, each = 400, 4
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    expected: dict[tuple[int, int, int], str] = {}
    offsets = [0] * PARTITIONS
    bad = 0
    for n in range(count):
        partition = n % PARTITIONS
        sensors = [f"s{(n + 3 * k) % 7 % 3}" for k in range(each)]
        items: list[object] = [
            {"sensor": sensor, "ts": 1_767_225_600_000 + n * 1_000, "temp": 20 + n % 5}
            for sensor in sensors
        ]
        if n % 50 == 0:
            items[1], bad = "garbage", bad + 1
        for index, item in enumerate(items):
            if item != "garbage":
                expected[partition, offsets[partition], index] = sensors[index]
        producer.produce(plant.unkeyed, orjson.dumps({"items": items}), partition=partition)
        offsets[partition] += 1
    producer.flush()
    through = f"repartition: {{kafka: {{topic: {plant.unkeyed}-keyed}}}}"
    kept = f"kafka: {{topic: {plant.unkeyed}-state}}"
    file = plant.write(
        "exploded", plant.unkeyed, plant.scores, kept, f"{through}\n  explode: items"
    )
    text = file.read_text().replace("key: sensor", "key: items.sensor")
    text = text.replace("path: ts", "path: items.ts").replace("[temp]", "{temp: items.temp}")
    file.write_text(text.replace("  order: event_time\n  lateness: 3h\n", ""))

    def scores() -> list[dict[str, Any]]:
        found = kafka.read(plant.scores, "read_committed")
        return [orjson.loads(message.value() or b"") for message in found]

    with running("run", file) as run_of_it:
        wait_for(lambda: len(scores()) >= len(expected))
        kill_one(run_of_it, 0)
        wait_for(lambda: len(plant.rejected()) >= bad)
        run_of_it.send_signal(signal.SIGTERM)
        assert run_of_it.wait(120) == 0

    origins = [(score["origin"], score["entity"]) for score in scores()]
    found = {(at["partition"], at["offset"], at["index"]): who for at, who in origins}
    assert found == expected
    assert len(origins) == len({score["id"] for score in scores()}) == len(expected)
    assert len(plant.rejected()) == bad


def headers_of(message: Message) -> list[tuple[str, bytes]]:
    return cast("list[tuple[str, bytes]]", message.headers() or [])


def murmur2(key: bytes) -> int:
    """Return the hash by which Kafka's own clients choose a partition."""
    whole = len(key) // 4 * 4
    found = (0x9747B28C ^ len(key)) & 0xFFFFFFFF
    for (k,) in struct.iter_unpack("<I", key[:whole]):
        k = k * 0x5BD1E995 & 0xFFFFFFFF
        k = (k ^ k >> 24) * 0x5BD1E995 & 0xFFFFFFFF
        found = (found * 0x5BD1E995 & 0xFFFFFFFF) ^ k
    if rest := key[whole:]:
        found = (found ^ int.from_bytes(rest, "little")) * 0x5BD1E995 & 0xFFFFFFFF
    found = (found ^ found >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return found ^ found >> 15


def place_of(message: Message) -> tuple[int, int]:
    return message.partition() or 0, message.offset() or 0


def test_a_topic_that_would_lose_messages_is_refused(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    plant = Plant(kafka, topic, tmp_path)
    compacted = topic(config={"cleanup.policy": "compact"})
    through = f"repartition: {{kafka: {{topic: {compacted}}}}}"
    kept = f'directory: "{tmp_path}/state"'
    file = plant.write("refused", plant.unkeyed, plant.scores, kept, through)

    done = run("validate", file, "--connect")

    assert done.returncode == 2
    assert "cleanup.policy compact" in done.stdout + done.stderr

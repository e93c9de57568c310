"""`pynomaly rejects` on a real broker: shown, tried with a changed file, sent back once."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import yaml
from confluent_kafka import Producer

from engine.application.config.load import load
from engine.application.control.caller import SYSTEM
from engine.application.control.memory_store import MemoryStore
from engine.application.control.redrive_dead_letters import redrive_dead_letters
from tests.chaos.reader import visible
from tests.e2e.test_pipeline import run, start
from tests.e2e.test_serve import served
from tests.e2e.test_topic_changes import wait_for
from tests.support.kafka_cluster import KafkaCluster, TopicFactory

START = 1_704_067_200_000
EVENT = {
    "explode": "$message",
    "key": "id",
    "time": {"path": "ts", "unit": "ms"},
    "values": ["v"],
}
COMMA = {"path": "v", "as": "number", "decimal": ","}


class Pipeline:
    """A pipeline from a topic to topics, of which the mapping can be changed."""

    def __init__(self, folder: Path, kafka: KafkaCluster, topic: TopicFactory) -> None:
        self.folder, self.kafka = folder, kafka
        self.source, self.scores, self.letters = topic(2), topic(), topic()

    def file(self, name: str, values: Any, **event: Any) -> Path:
        found = {
            "name": "shop",
            "source": {
                "kafka": {
                    "brokers": self.kafka.bootstrap,
                    "topic": self.source,
                    "start": "earliest",
                }
            },
            "event": {**EVENT, **event, "values": values},
            "detectors": ["zscore"],
            "sinks": {
                "anomalies": {"file": {"path": str(self.folder / "anomalies.ndjson")}},
                "scores": {"kafka": {"topic": self.scores}},
                "dead_letters": {"kafka": {"topic": self.letters}},
            },
            "state": {"directory": str(self.folder / "state"), "checkpoint_interval": "200ms"},
            "metrics": None,
        }
        path = self.folder / name
        path.write_text(yaml.safe_dump(found))
        return path

    def send(self, *messages: bytes) -> None:
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap})
        for message in messages:
            producer.produce(self.source, message, b"k", partition=1, headers=[("h", b"1")])
        assert producer.flush(120) == 0

    def entities(self) -> list[str]:
        found = [message.value() or b"" for message in visible(self.kafka.bootstrap, self.scores)]
        return sorted(json.loads(value)["entity"] for value in found)

    def run(self, file: Path, until: Callable[[], bool]) -> None:
        """Run it until something holds."""
        process = start("run", file)
        try:
            wait_for(until)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0

    def letter_count(self) -> int:
        return sum(1 for _ in visible(self.kafka.bootstrap, self.letters))


def reading(name: str, value: object) -> dict[str, object]:
    return {"id": name, "ts": START, "v": value}


def test_dead_letters_become_events_once(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    pipeline = Pipeline(tmp_path, kafka, topic)
    old, new = pipeline.file("old.yaml", ["v"]), pipeline.file("new.yaml", {"v": COMMA})
    many = [reading(f"m{n}", "1,5") for n in range(150)]
    pipeline.send(
        json.dumps([reading("a", 1), reading("b", "2,5"), reading("c", "?")]).encode(),
        json.dumps([reading("d", 1), *many]).encode(),
        b"no json",
    )
    # Two elements, no JSON, and of 150 elements 100 letters and one with the rest.
    pipeline.run(old, lambda: pipeline.letter_count() == 104)
    shown = run("rejects", old)
    tried = run("rejects", old, "--try", new)

    first = run("rejects", old, "--try", new, "--redrive")
    again = run("rejects", new, "--redrive")
    pipeline.run(new, lambda: len(pipeline.entities()) >= 153)

    assert f"topic {pipeline.letters}: 104 dead letters" in shown.stdout
    assert "wrong_type  103" in shown.stdout
    assert "v is '2,5', expected a number: set as: number and decimal" in shown.stdout
    assert f"{pipeline.source}[1]@0.1" in shown.stdout
    assert "151 become events" in tried.stdout
    assert f"{pipeline.source}: 102 dead letters sent back" in first.stdout, first.stderr
    assert "0 dead letters sent back" in again.stdout, again.stderr
    assert "2 are rejected" in again.stdout
    expected = ["a", "b", "d", *(f"m{n}" for n in range(150))]
    assert pipeline.entities() == sorted(expected)
    sent = [m for m in visible(kafka.bootstrap, pipeline.source) if len(m.headers() or ()) > 1]
    assert {(m.partition(), m.key(), m.timestamp()[0]) for m in sent} == {(1, b"k", 1)}


def test_elements_of_other_formats_are_sent_back_as_json(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    pipeline = Pipeline(tmp_path, kafka, topic)
    csv = {"csv": {"names": ["id", "ts", "v"], "delimiter": ";", "decimal": "."}}
    event = {"explode": None, "format": csv}
    old = pipeline.file("old.yaml", ["v"], **event)
    new = pipeline.file("new.yaml", {"v": {"path": "v", "map": {"on": 1}}}, **event)
    pipeline.send(f"a;{START};1\nb;{START};on\n".encode())
    pipeline.run(old, lambda: pipeline.letter_count() == 1)

    back = redrive_dead_letters(MemoryStore(), SYSTEM, 0, load(new), 3)
    again = redrive_dead_letters(MemoryStore(), SYSTEM, 0, load(new), 3)
    pipeline.run(new, lambda: len(pipeline.entities()) >= 2)

    assert (back.topic, back.sent, again.sent) == (pipeline.source, 1, 0)
    assert pipeline.entities() == ["a", "b"]


def test_the_api_sends_each_letter_back_once_however_many_ask_at_once(
    kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path
) -> None:
    pipeline = Pipeline(tmp_path, kafka, topic)
    old, new = pipeline.file("old.yaml", ["v"]), pipeline.file("new.yaml", {"v": COMMA})
    pipeline.send(*(json.dumps([reading(f"m{n}", "1,5")]).encode() for n in range(20)))
    pipeline.run(old, lambda: pipeline.letter_count() == 20)
    with served(tmp_path, "--follow", str(new)) as (address, printed):
        shown = {"Authorization": f"Bearer {printed[-1].strip()}"}
        path = f"{address}/api/v1/pipelines/shop/dead-letters/redrive"

        def redrive(_number: int) -> httpx.Response:
            return httpx.post(path, headers=shown, timeout=120)

        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(redrive, range(4)))
        replies.append(redrive(4))

    done = [one.json() for one in replies if one.status_code == 200]
    # Of two that send at the same time, the later one ends the transaction of the other.
    assert {one.status_code for one in replies} <= {200, 409, 503}, replies
    assert replies[-1].status_code == 200
    assert sum(one["sent"] for one in done) == 20
    sent = [m for m in visible(kafka.bootstrap, pipeline.source) if len(m.headers() or ()) > 1]
    assert len({m.value() for m in sent}) == len(sent) == 20


def test_dead_letters_of_a_file_are_not_sent_to_a_topic(tmp_path: Path) -> None:
    (tmp_path / "letters.ndjson").write_text("")

    done = run("rejects", tmp_path / "letters.ndjson", "--redrive")

    assert done.returncode == 2
    assert "need --try" in done.stderr

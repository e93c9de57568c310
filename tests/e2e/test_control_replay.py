"""Control records in Kafka, kill -9 and replay: same ids, same bytes as without any disturbance."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import orjson
import pytest
from confluent_kafka import Producer

from tests.e2e.test_instances import instance, kill
from tests.e2e.test_pipeline import lag, wait_for
from tests.support.commands import run_command
from tests.support.forked_command import ForkedCommand
from tests.support.kafka_cluster import KafkaCluster, TopicFactory
from tests.support.kafka_settings import free_port

START_S = 1_767_225_600
SENSORS = [f"{site}/s{n}" for site in ("north", "south") for n in range(5)]
WARM, PHASE = 400, 200
"""Minutes of each sensor."""
RATE = 600
"""Events a second."""
OUTPUTS = ("anomalies", "incidents", "scores", "dead_letters")
SPIKE = 60.0
PATIENCE = 600.0
"""Seconds for what takes one: it starts processes on a machine that may be busy."""


class Twin:
    """A pipeline on the source that another one reads as well, with outputs of its own."""

    def __init__(self, kafka: KafkaCluster, topic: TopicFactory, source: str, file: Path) -> None:
        self.file = file
        self.group = f"{source}-{file.stem}"
        self.outputs = {name: topic() for name in OUTPUTS}
        self.control = f"{self.group}-control"
        self._kafka = kafka
        self._source = source

    def write(self, delivery: str, state: str) -> None:
        """Write the file, with another port than before."""
        self.port = free_port()
        place = f'{{brokers: "{self._kafka.bootstrap}", topic: {self._source}, group: {self.group}'
        sinks = "\n".join(f"  {n}: {{kafka: {{topic: {t}}}}}" for n, t in self.outputs.items())
        self.file.write_text(
            f"""
name: p{self._source[-12:]}
source: {{kafka: {place}, settings: {{session.timeout.ms: 6000}}}}}}
event: {{key: [site, sensor], time: {{path: ts, unit: s}}, max_future: 36500d, values: [temp]}}
detectors: [{{zscore: {{half_life: 100}}}}]
alert: {{budget: 20/day, group_by: site}}
delivery: {delivery}
sinks:
{sinks}
state: {{{state}, checkpoint_interval: 300ms}}
control: {{kafka: {{topic: {self.control}}}}}
metrics: {{port: {self.port}}}
"""
        )

    def control_record(self, *words: str) -> None:
        """Write a control record as a user does."""
        done = run_command("control", self.file, *words, "--who", "anna")
        assert done.returncode == 0, done.stderr

    def holds(self, among: str, names: set[str]) -> bool:
        """Whether the running process says of both sites that these records are in force."""
        return all(self._known(sensor, among) == names for sensor in ("north/s2", "south/s2"))

    def _known(self, sensor: str, among: str) -> set[str] | None:
        where = f"http://127.0.0.1:{self.port}/entities/{quote(sensor, safe='')}"
        try:
            (item,) = json.loads(urlopen(where, timeout=60).read())["items"]
        except (OSError, HTTPError):
            return None
        return {one if isinstance(one, str) else one["id"] for one in item[among]}

    def done(self) -> bool:
        """Whether all of the source is covered by its checkpoints."""
        return lag(self._kafka, self._source, self.group) == 0

    def published(self, name: str) -> dict[str, list[bytes]]:
        """Return key and payload of all records of an output that are committed, by their id."""
        found: dict[str, list[bytes]] = {}
        for message in self._kafka.read(self.outputs[name], "read_committed"):
            own = dict(message.headers() or ())["pynomaly-id"]
            assert isinstance(own, bytes)
            content = repr((message.key(), message.headers(), message.value()))
            found.setdefault(own.decode(), []).append(content.encode())
        return found

    def anomalies(self) -> list[dict[str, Any]]:
        """Return the anomalies that are committed, in the order of event time."""
        messages = self._kafka.read(self.outputs["anomalies"], "read_committed")
        found = [orjson.loads(message.value() or b"") for message in messages]
        return sorted(found, key=lambda one: (one["time_ns"], one["entity"]))

    def judged(self, begin: int, end: int) -> set[tuple[str, str | None]]:
        """Return kind and feedback of its anomalies of these minutes that were not silenced."""
        times = range((START_S + 60 * begin) * 10**9, (START_S + 60 * end) * 10**9)
        found = [one for one in self.anomalies() if one["time_ns"] in times]
        return {(one["kind"], one.get("feedback")) for one in found if "suppressed_by" not in one}


class Stream:
    """The source: a reading of each sensor a minute; a site has a partition of its own."""

    def __init__(self, kafka: KafkaCluster, topic: str) -> None:
        self.minute = 0
        self._topic = topic
        self._draw = random.Random(4)
        self._brokers = kafka.bootstrap

    @property
    def now(self) -> str:
        """Event time of the next minute."""
        return datetime.fromtimestamp(START_S + 60 * self.minute, UTC).isoformat()

    def send(self, minutes: int, rate: float = 1e9) -> None:
        """Send so many minutes; each sensor spikes now and then, at its own minutes."""
        producer = Producer({"bootstrap.servers": self._brokers})
        began, sent = time.monotonic(), 0
        for _ in range(minutes):
            for number, sensor in enumerate(SENSORS):
                site, name = sensor.split("/")
                spikes = self.minute > 200 and (self.minute + 7 * number) % 70 == 0
                temp = SPIKE if spikes else self._draw.gauss(20, 1)
                event = {"site": site, "sensor": name, "temp": temp}
                event["ts"] = START_S + 60 * self.minute
                producer.produce(self._topic, orjson.dumps(event), partition=number // 5)
                sent += 1
            self.minute += 1
            producer.poll(0)
            time.sleep(max(0.0, began + sent / rate - time.monotonic()))
        producer.flush()


@pytest.fixture
def twins(kafka: KafkaCluster, topic: TopicFactory, tmp_path: Path) -> list[Twin]:
    source = topic(partitions=2)
    made = [Twin(kafka, topic, source, tmp_path / f"{name}.yaml") for name in ("killed", "whole")]
    made[0].write("exactly_once", f"kafka: {{topic: {source}-state}}")
    made[1].write("at_least_once", f'directory: "{tmp_path}/state"')
    return made


def killed_midway(stream: Stream, running: ForkedCommand) -> None:
    """Send a part of the stream at a steady rate, and kill who reads it in the midst."""
    sending = Thread(target=stream.send, args=[PHASE, RATE])
    sending.start()
    time.sleep(len(SENSORS) * PHASE / RATE / 2)
    kill(running)
    sending.join()


class Pair:
    """Both twins, and the processes that run them now."""

    def __init__(self, twins: list[Twin], running: ExitStack) -> None:
        self._twins = twins
        self._running = running
        self._processes: dict[Twin, ForkedCommand] = {}

    def start(self, twin: Twin) -> ForkedCommand:
        """Run a twin, in the place of a process that was killed."""
        self._processes[twin] = self._running.enter_context(instance(twin.file))
        return self._processes[twin]

    def control_record(self, *words: str) -> None:
        """Write a control record for both."""
        for twin in self._twins:
            twin.control_record(*words)

    def wait_until_both_hold(self, among: str, *names: str) -> None:
        """Wait until both say that these records are in force."""
        self._wait(lambda twin: twin.holds(among, set(names)))

    def wait_until_done(self) -> None:
        """Wait until checkpoints of both cover all of the source."""
        self._wait(Twin.done)

    def _wait(self, condition: Callable[[Twin], bool]) -> None:
        def holds() -> bool:
            for twin, process in self._processes.items():
                assert process.poll() is None, f"{twin.file.stem} has ended"
            return all(condition(twin) for twin in self._twins)

        wait_for(holds, PATIENCE)


def test_feedback_and_silences_survive_kills_with_equal_bytes(
    kafka: KafkaCluster, twins: list[Twin]
) -> None:
    killed, whole = twins
    stream = Stream(kafka, killed._source)
    with ExitStack() as running:
        pair = Pair(twins, running)
        stream.send(WARM)
        first = pair.start(killed)
        pair.start(whole)
        pair.wait_until_done()
        pair.control_record("silence", "--entities", "north/s1", "--publish", "--from", stream.now)
        pair.control_record("rule", "--values", "temp", "--high", "55", "--entities", "*/s2")
        pair.wait_until_both_hold("rules", "rule-2")

        killed_midway(stream, first)
        second = pair.start(killed)
        pair.wait_until_done()
        own = [one for one in killed.anomalies() if one["entity"] == "south/s3"]
        # Right behind the record: it may not have been applied, or not been stored.
        pair.control_record("feedback", "false_alarm", own[0]["id"], "--scope", "pipeline")
        kill(second)
        third = pair.start(killed)
        pair.wait_until_both_hold("feedback", "feedback-3")
        judged = stream.minute

        killed_midway(stream, third)
        pair.start(killed)
        pair.wait_until_done()
        pair.control_record("revoke", "feedback-3")
        pair.wait_until_both_hold("feedback")
        revoked = stream.minute
        stream.send(PHASE)
        pair.wait_until_done()
    expected = {name: whole.published(name) for name in OUTPUTS}

    for name in OUTPUTS:
        # What follows the open transaction of a killed process is seen when brokers have ended it.
        wait_for(lambda name=name: len(killed.published(name)) >= len(expected[name]), PATIENCE)
        seen = killed.published(name)
        assert seen == expected[name], name
        assert all(len(copies) == 1 for copies in seen.values()), name
    assert len(expected["scores"]) == len(SENSORS) * stream.minute
    spike, out = ("outlier", None), ("out_of_range", None)
    # Similar ones pass with more evidence alone; those beyond a valid range take no feedback.
    assert out in killed.judged(judged, judged + PHASE)
    assert spike not in killed.judged(judged, judged + PHASE)
    assert killed.judged(revoked, revoked + PHASE) == {spike, out}
    assert {one["entity"] for one in killed.anomalies() if "suppressed_by" in one} == {"north/s1"}

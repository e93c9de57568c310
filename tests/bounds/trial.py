"""A trial: topics, a pipeline file, `pynomaly run`, and the account of what came and went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.bounds.flood import Flood
from tests.bounds.watch import MIB, Watch
from tests.chaos.engine import Engine
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_settings import free_port, is_free

STALL_SECONDS = 120.0
"""Without a single message more that is accounted for, the stream is taken to stand."""
BESIDE_STATE = 1_536
"""MiB a process may have beside state.memory_limit; docs/sizing.md says what they are for."""


@dataclass(frozen=True)
class Setup:
    """What a trial's pipeline is like.

    Attributes:
        memory: state.memory_limit in MiB.
        scores: whether every event's scores are published.
        letter_bytes: largest record that the dead-letter topic takes.
    """

    processes: int = 1
    partitions: int = 4
    memory: int = 256
    detectors: str = "[half_space_trees, zscore]"
    scores: bool = True
    max_bytes: str = "1MiB"
    letter_bytes: int = 2**20
    delivery: str = "at_least_once"

    @property
    def bound(self) -> int:
        """Most resident bytes that a process may have."""
        return (self.memory + BESIDE_STATE) * MIB


@dataclass
class Outcome:
    """What came of a trial.

    Attributes:
        peak, bound: bytes, of the largest process.
        events: messages in the topic.
        accounted: how many of them are accounted for at the end.
        caught_up: seconds from the end of the disturbance until all are.
        story: what the metrics show, in the trial's own choice.
        wrong: what does not hold; empty when all is well.
    """

    name: str
    processes: int
    peak: int
    bound: int
    events: int
    accounted: int
    caught_up: float
    story: dict[str, float]
    wrong: list[str] = field(default_factory=list)


class Trial:
    """One pipeline, from its topics to its end."""

    def __init__(self, broker: KafkaBroker, folder: Path, name: str, setup: Setup) -> None:
        self.broker, self.name, self.setup = broker, name, setup
        self.outputs = [f"{name}-{role}" for role in ("anomalies", "scores", "dead_letters")]
        broker.create_topic(f"{name}-in", setup.partitions)
        for topic in self.outputs:
            broker.create_topic(topic, 2, {"max.message.bytes": str(setup.letter_bytes)})
        self._port = _ports(setup.processes)
        self.file = folder / f"{name}.yaml"
        self.file.write_text(self._pipeline(folder))
        self.engine = Engine(self.file)
        self.flood = Flood(broker.bootstrap, f"{name}-in", setup.partitions)
        self._reader = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "bounds"})
        self._disturbed_until = 0.0
        self._caught_up = float("nan")

    @contextmanager
    def running(self) -> Iterator[Watch]:
        """Run the pipeline, watched; at the end drain it, and demand that this was orderly."""
        self.engine.start(self.setup.processes)
        watch = Watch(self.engine, self._port)
        self._disturbed_until = time.monotonic()
        try:
            yield watch
            code = self.engine.stop()
            assert code == 0, f"{self.name}: the drain ended with exit code {code}\n{self._log()}"
        finally:
            watch.stop()
            self.engine.close()

    def over(self) -> None:
        """Note that the disturbance is over: from here on the time to catch up counts."""
        self._disturbed_until = time.monotonic()

    def catch_up(self, watch: Watch) -> None:
        """Wait until all that was written is accounted for; a stream that stands is an error."""
        best, since = -1, time.monotonic()
        while (accounted := self.accounted(watch)) < self.flood.written:
            if accounted > best:
                best, since = accounted, time.monotonic()
            if time.monotonic() - since > STALL_SECONDS:
                raise AssertionError(
                    f"{self.name}: {accounted} of {self.flood.written} accounted for, and the "
                    f"stream stands; {dict(watch.now)}\n{self._log()}"
                )
            time.sleep(0.2)
        self._caught_up = time.monotonic() - self._disturbed_until

    def accounted(self, watch: Watch) -> int:
        """Return how many messages became scores or dead letters that a reader sees."""
        if self.setup.scores and self.setup.delivery == "at_least_once":
            return sum(self.ends(topic) for topic in self.outputs[1:])
        told = ("scored_events", "warming_events", "rejects")
        return int(sum(watch.now.get(f"pynomaly_{name}_total", 0) for name in told))

    def ends(self, topic: str) -> int:
        """Return how many records a topic has."""
        places = [TopicPartition(topic, partition) for partition in range(2)]
        until = time.monotonic() + STALL_SECONDS
        while True:
            try:
                return sum(self._reader.get_watermark_offsets(place, 60)[1] for place in places)
            except KafkaException:
                # A broker that stood still has to be found again.
                if time.monotonic() > until:
                    raise
                time.sleep(1.0)

    def outcome(self, watch: Watch, story: dict[str, float], *, told: bool) -> Outcome:
        """Return what came of it.

        Args:
            watch: what was measured.
            story: samples that show what happened.
            told: whether they do.
        """
        setup, written, accounted = self.setup, self.flood.written, self.accounted(watch)
        wrong = []
        if watch.peak > setup.bound:
            wrong.append("more memory than stated")
        if accounted != written:
            wrong.append("not each message accounted for once")
        if watch.most["pynomaly_restarts_total"]:
            wrong.append("restarted")
        if not told:
            wrong.append("the metrics do not show it")
        processes = setup.processes
        counted = written, accounted, self._caught_up
        return Outcome(self.name, processes, watch.peak, setup.bound, *counted, story, wrong)

    def _log(self) -> str:
        return "\n".join(self.engine.log.read_text().splitlines()[-20:])

    def _pipeline(self, folder: Path) -> str:
        setup, address, relayed = self.setup, self.broker.bootstrap, self.broker.relay.address
        roles = ("anomalies", "scores", "dead_letters")
        chosen = [role for role in roles if setup.scores or role != "scores"]
        sinks = "\n".join(
            f'  {role}: {{kafka: {{brokers: "{relayed}", topic: {self.name}-{role}}}}}'
            for role in chosen
        )
        return f"""
name: {self.name}
source: {{kafka: {{brokers: "{address}", topic: {self.name}-in, start: earliest}}}}
event:
  key: id
  time: {{path: ts, unit: ms}}
  values: [a, b]
  max_bytes: {setup.max_bytes}
detectors: {setup.detectors}
delivery: {setup.delivery}
sinks:
{sinks}
state:
  directory: "{folder / self.name}"
  checkpoint_interval: 5s
  memory_limit: {setup.memory}MiB
metrics: {{port: {self._port}}}
"""


def _ports(count: int) -> int:
    """Return the first of so many free ports in a row."""
    while True:
        port = free_port()
        if all(is_free(port + process) for process in range(count)):
            return port

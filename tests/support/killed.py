"""Millions of events, and SIGKILL in between: every one of them must be accounted for.

`python -m tests.support.killed --help`. A topic on a real broker is filled with events, some of
them late and some no events at all; a pipeline reads it, and is killed at moments drawn from a
seed: one of its processes, or the supervisor with all of them. Then each message of the topic must
have led to a score or to a dead letter, as it deserves, and repeats must be equal in every byte,
ids included.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import orjson
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tests.chaos.engine import Engine, send
from tests.chaos.reader import origin, visible
from tests.support.kafka_broker import KafkaBroker

PIPELINE = """
name: killed
source: {{kafka: {{brokers: "{brokers}", topic: in, group: {group}, start: earliest}}}}
event: {{key: id, time: {{path: ts, unit: ms}}, values: [a], lateness: 10m}}
detectors: [zscore]
delivery: {delivery}
sinks:
  anomalies: {{kafka: {{topic: anomalies}}}}
  scores: {{kafka: {{topic: scores}}}}
  dead_letters: {{kafka: {{topic: dead_letters}}}}
state: {{directory: "{folder}/state", checkpoint_interval: 1s}}
metrics: null
"""
GROUP = "killed"
ENTITIES = 100
"""Per partition; an entity's events are all in one, and so have an order."""
START_MS, HOUR_MS = 1_767_225_600_000, 3_600_000
BAD_EVERY, LATE_EVERY = 499, 997
PAUSE_SECONDS = 1.0
"""At most, from when a point of the stream is stored to the kill: whenever between checkpoints."""
LAST_KILL = 0.9
"""Share of the stream behind which nothing is killed."""
PATIENCE_SECONDS = 1_800.0
BLOCK = 10_000


@dataclass(frozen=True)
class Accounts:
    """What became of the messages of one kind, by their number: partition by partition.

    Attributes:
        times: int64 [n], how often each appears in the output.
        digests: int64 [n], of headers (its id), key and payload of its first record.
        different: records that differ from the first of their message.
    """

    times: np.ndarray
    digests: np.ndarray
    different: int

    @property
    def repeated(self) -> int:
        """Records beyond the first of their message."""
        return int(np.maximum(self.times - 1, 0).sum())


def fill(brokers: str, partitions: int, each: int, seed: int) -> None:
    """Write the stream: `each` messages a partition."""
    settings = {"linger.ms": 50, "queue.buffering.max.messages": 500_000}
    producer = Producer({"bootstrap.servers": brokers, **settings})
    for first in range(0, each, BLOCK):
        for partition in range(partitions):
            values = np.random.default_rng([seed, partition, first]).normal(20.0, 1.0, BLOCK)
            numbers = range(first, min(first + BLOCK, each))
            rows = zip(numbers, values.tolist(), strict=False)
            block = [{"value": _message(partition, number, a)} for number, a in rows]
            while len(producer) + len(block) > 500_000:
                producer.poll(0.1)
            assert producer.produce_batch("in", block, partition=partition) == len(block)
    assert producer.flush(60) == 0


def _message(partition: int, number: int, a: float) -> bytes:
    if is_bad(number):
        return b"garbage %d" % number
    late = 24 * HOUR_MS if number % LATE_EVERY == LATE_EVERY - 1 else 0
    ts = START_MS + number // ENTITIES * 1_000 - late
    return orjson.dumps({"id": f"e{partition}-{number % ENTITIES}", "ts": ts, "a": a})


def is_bad(number: int | np.ndarray) -> bool | np.ndarray:
    """Whether messages of these numbers are none."""
    return number % BAD_EVERY == 7


def account(brokers: str, topic: str, partitions: int, each: int) -> Accounts:
    """Read an output topic, and note what each record is about."""
    times, digests = (np.zeros(partitions * each, np.int64) for _ in range(2))
    different = 0
    for message in visible(brokers, topic):
        partition, offset = origin(message)
        row = partition * each + offset
        content = repr((message.headers(), message.key(), message.value())).encode()
        digest = int.from_bytes(blake2b(content, digest_size=8).digest(), "little", signed=True)
        if times[row] and digests[row] != digest:
            different += 1
        times[row] += 1
        digests[row] = digest
    return Accounts(times, digests, different)


def kill(engine: Engine, draw: random.Random) -> str:
    """SIGKILL for a process of the pipeline, or for all of it and a new start; say which."""
    workers = engine.workers()
    if workers and draw.random() < 0.5:
        send(draw.choice(workers), signal.SIGKILL)
        # Its supervisor ends the others: asked to stop meanwhile, it would report the crash.
        while set(workers) & set(engine.workers()):
            time.sleep(0.05)
        return "a process"
    for pid in [engine.supervisor, *workers]:
        send(pid, signal.SIGKILL)
    engine.wait()
    engine.start()
    return "supervisor and all"


class Progress:
    """How many messages are done, as the group's committed offsets say."""

    def __init__(self, brokers: str, partitions: int) -> None:
        settings = {"bootstrap.servers": brokers, "group.id": GROUP}
        self._consumer = Consumer(settings)
        self._places = [TopicPartition("in", partition) for partition in range(partitions)]

    def __call__(self) -> int:
        """Return it; 0 while no broker knows."""
        try:
            return sum(max(p.offset, 0) for p in self._consumer.committed(self._places, 10))
        except KafkaException:
            return 0


def disturb(
    engine: Engine, progress: Progress, total: int, chosen: argparse.Namespace
) -> Counter[str]:
    """Kill at several points of the stream, then wait for its end and drain."""
    draw, done = random.Random(chosen.seed), Counter[str]()
    until = time.monotonic() + PATIENCE_SECONDS
    points = sorted(draw.uniform(0.0, LAST_KILL) * total for _ in range(chosen.kills))
    before = 0
    for point in points:
        # Only once it has got on since the last time.
        while (reached := progress()) <= min(max(point, before), total - 1):
            _wait(engine, until)
        time.sleep(draw.uniform(0.0, PAUSE_SECONDS))
        before = reached
        done[kill(engine, draw)] += 1
        print(f"kill {sum(done.values())} with {before:,} of {total:,} done", flush=True)
    while progress() < total:
        _wait(engine, until)
    assert engine.stop() == 0
    return done


def _wait(engine: Engine, until: float) -> None:
    assert time.monotonic() < until, engine.log.read_text()[-3_000:]
    engine.ensure()
    time.sleep(0.2)


def run(chosen: argparse.Namespace, broker: KafkaBroker, folder: Path) -> bool:
    """Fill, kill, account; print what was found, and return if all is well."""
    partitions, each = chosen.partitions, chosen.events // chosen.partitions
    total, brokers = partitions * each, broker.bootstrap
    broker.create_topic("in", partitions)
    for name in ("anomalies", "scores", "dead_letters"):
        broker.create_topic(name)
    fill(brokers, partitions, each, chosen.seed)
    file = folder / "killed.yaml"
    values = {"brokers": brokers, "group": GROUP, "folder": folder, "delivery": chosen.delivery}
    file.write_text(PIPELINE.format(**values))
    engine, began = Engine(file), time.monotonic()
    try:
        engine.start(chosen.processes)
        kills = disturb(engine, Progress(brokers, partitions), total, chosen)
    finally:
        engine.close()
    took = time.monotonic() - began
    bad = np.asarray(is_bad(np.tile(np.arange(each), partitions)))
    scores, letters = (
        account(brokers, name, partitions, each) for name in ("scores", "dead_letters")
    )
    report = {
        "seed": chosen.seed,
        "delivery": chosen.delivery,
        "partitions": partitions,
        "processes": chosen.processes,
        "messages": total,
        "kills": dict(kills),
        "seconds": round(took, 1),
        "scored": int((scores.times > 0).sum()),
        "rejected": int((letters.times > 0).sum()),
        "lost": int(((scores.times + letters.times) == 0).sum()),
        "wrongly_taken": int(((scores.times > 0) & bad).sum() + ((letters.times > 0) & ~bad).sum()),
        "repeated": scores.repeated + letters.repeated,
        "repeats_that_differ": scores.different + letters.different,
    }
    print(json.dumps(report, indent=2), flush=True)
    once = chosen.delivery == "exactly_once"
    wrong = report["lost"] or report["wrongly_taken"] or report["repeats_that_differ"]
    return not wrong and not (once and report["repeated"])


def main(arguments: list[str] | None = None) -> int:
    """Run the trial; 0: every message is accounted for."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.killed", description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--partitions", type=int, default=6)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--kills", type=int, default=8, help="how often to kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delivery", default="at_least_once", help="or exactly_once")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="pynomaly-killed-") as folder, KafkaBroker() as broker:
        return 0 if run(chosen, broker, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Live: a pipeline on a stream that is sent while it runs, at a steady rate, on a real Kafka.

`bench.latency` and `bench.sustained` are the programs that measure with it.

The broker is to be one that has run for a while: compiling its code takes a third of its core in
its first minute. Broker, producer and whoever measures share the last core, what is measured has
the first. What is sent is made beforehand, for the producer shares its core with the broker, which
is also why it lingers for 5 ms, as producers do unless they are configured otherwise: at 2 ms the
broker has so many requests that a bare consumer alone takes 50 to 100 ms at the 99th percentile.
Events carry no time of their own but the broker's (LogAppendTime). About one in a thousand is an
anomaly.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from secrets import token_hex

from confluent_kafka import Producer

from bench.end_to_end import CORES
from bench.running import Running, running
from bench.stream import payloads
from tests.support.kafka_broker import KafkaBroker

PIPELINE = """
name: latency
source: {{kafka: {{brokers: "{brokers}", topic: {topic}, start: earliest}}}}
event:
  key: sensor
  values: [temperature, pressure, vibration]
detectors: [half_space_trees, zscore]
alert: {{score: {{detector: zscore, above: 50}}}}
sinks:
  anomalies: {{kafka: {{topic: {sink}}}}}
state: {{directory: "{directory}/state", checkpoint_interval: 10s}}
metrics: {{port: {port}}}
delivery: {delivery}
"""
PORT = 19_474
SPIKE_EVERY = 997
POOL = 100_000
TIMES = {"message.timestamp.type": "LogAppendTime"}


@dataclass(frozen=True)
class Topics:
    """Where a stream comes from and where its anomalies go."""

    brokers: str
    stream: str
    found: str


Command = Callable[[Topics, Path], list[str]]
"""From topics and a folder to a command line."""


def ours(delivery: str) -> Command:
    """Return the command of our pipeline."""

    def command(topics: Topics, folder: Path) -> list[str]:
        file = folder / "live.yaml"
        places = {"brokers": topics.brokers, "topic": topics.stream, "sink": topics.found}
        own = {"directory": folder, "port": PORT, "delivery": delivery}
        file.write_text(PIPELINE.format(**places, **own))
        return [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]

    return command


def floor(topics: Topics, _folder: Path) -> list[str]:
    """Return the command of a bare consumer, `orjson.loads`, a comparison and a producer."""
    places = topics.brokers, topics.stream, topics.found
    return [sys.executable, "-m", "bench.echo", *places]


@contextmanager
def live(command: Command, broker: KafkaBroker) -> Iterator[tuple[Topics, Running]]:
    """Run a command on topics of their own."""
    mark = token_hex(4)
    topics = Topics(broker.bootstrap, f"stream-{mark}", f"found-{mark}")
    broker.create_topic(topics.stream, 4, TIMES)
    broker.create_topic(topics.found, 1, TIMES)
    with tempfile.TemporaryDirectory() as folder:
        line = command(topics, Path(folder))
        try:
            with running(CORES[:1], line, Path(folder, "log")) as measured:
                yield topics, measured
        finally:
            broker.delete_topic(topics.stream)


class Sender:
    """Sends at a steady rate to what is measured.

    Attributes:
        sent: events handed to the producer.
    """

    def __init__(self, topics: Topics, rate: float, measured: Running) -> None:
        self._rate = rate
        self._measured = measured
        self._topic = topics.stream
        self._producer = Producer(
            {"bootstrap.servers": topics.brokers, "queue.buffering.max.messages": 2_000_000}
        )
        self.sent = 0

    def send(self, seconds: float) -> None:
        """Send for so long; the last events may not have left.

        Raises:
            RuntimeError: what is measured has ended.
        """
        self._measured.check()
        pool = _pool()
        began, before = time.perf_counter(), self.sent
        while (passed := time.perf_counter() - began) < seconds:
            due = min(int(passed * self._rate) - (self.sent - before), POOL)
            first = self.sent % POOL
            self.sent += self._producer.produce_batch(self._topic, pool[first : first + due])
            self._producer.poll(0)
            time.sleep(0.002)

    def flush(self) -> None:
        """Wait until all has left."""
        self._producer.flush()


@cache
def _pool() -> list[dict[str, bytes]]:
    return [_message(*item) for item in enumerate(payloads(POOL))]


def _message(number: int, event: tuple[bytes, bytes]) -> dict[str, bytes]:
    key, payload = event
    if number % SPIKE_EVERY == 0:
        payload = payload.replace(b'"temperature":', b'"temperature":9')
    return {"key": key, "value": payload}

"""Live: a pipeline on a stream that is sent while it runs, at a steady rate, on a real Kafka.

Broker, producer and whoever measures share the last core, what is measured has the first. What is
sent is made beforehand, for the producer shares its core with the broker, which is also why it
lingers for 5 ms, as producers do unless they are told otherwise: at 2 ms the broker has so many
requests that a bare consumer alone takes 50 to 100 ms at the 99th percentile. Events carry no time
of their own but the broker's (LogAppendTime). About one in a thousand is an anomaly.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from confluent_kafka import Producer

from bench.end_to_end import CORES, pinned
from bench.stream import payloads
from tests.kafka_broker import KafkaBroker

PIPELINE = """
name: latency
source: {{kafka: {{brokers: "{brokers}", topic: stream, start: earliest}}}}
event:
  key: sensor
  values: [temperature, pressure, vibration]
detectors: [half_space_trees, zscore]
alert: {{score: {{detector: zscore, above: 50}}}}
sinks:
  anomalies: {{kafka: {{topic: found}}}}
state: {{directory: "{directory}/state", every: 10s}}
metrics: {{port: {port}}}
delivery: {delivery}
"""
PORT = 19_474
SPIKE_EVERY = 997
POOL = 100_000
TIMES = {"message.timestamp.type": "LogAppendTime"}

Command = Callable[[str, Path], list[str]]
"""From the brokers and a folder to a command line."""


def ours(delivery: str) -> Command:
    """Return the command of our pipeline."""

    def command(brokers: str, folder: Path) -> list[str]:
        file = folder / "live.yaml"
        words = {"brokers": brokers, "directory": folder, "port": PORT, "delivery": delivery}
        file.write_text(PIPELINE.format(**words))
        return [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]

    return command


def floor(brokers: str, _folder: Path) -> list[str]:
    """Return the command of a bare consumer, `orjson.loads`, a comparison and a producer."""
    return [sys.executable, "-m", "bench.echo", brokers, "stream", "found"]


@contextmanager
def live(command: Command) -> Iterator[str]:
    """Run a command on topics of their own; yields the brokers."""
    with KafkaBroker() as broker, tempfile.TemporaryDirectory() as folder:
        broker.create_topic("stream", 4, TIMES)
        broker.create_topic("found", 1, TIMES)
        line = command(broker.bootstrap, Path(folder))
        with Path(folder, "log").open("w") as log:
            running = subprocess.Popen(pinned(CORES[:1], *line), stderr=log)
        try:
            yield broker.bootstrap
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)


class Sender:
    """Sends at a steady rate.

    Attributes:
        sent: events handed to the producer.
    """

    def __init__(self, brokers: str, rate: float) -> None:
        self._rate = rate
        self._producer = Producer(
            {"bootstrap.servers": brokers, "queue.buffering.max.messages": 2_000_000}
        )
        self.sent = 0

    def send(self, seconds: float) -> None:
        """Send for so long; the last events may not have left."""
        pool = _pool()
        began, before = time.perf_counter(), self.sent
        while (passed := time.perf_counter() - began) < seconds:
            due = min(int(passed * self._rate) - (self.sent - before), POOL)
            first = self.sent % POOL
            self.sent += self._producer.produce_batch("stream", pool[first : first + due])
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

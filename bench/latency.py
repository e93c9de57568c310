"""Latency from broker to anomaly: a steady rate on a real Kafka, read back from the anomaly topic.

Method: the pipeline raises an anomaly for about one event in a thousand (a raw score threshold that
planted spikes exceed), while the producer sends at a given rate: half of what the same pipeline
reaches on a topic that was filled before, measured in the same run. The latency of an anomaly is
from the broker's time of its event (LogAppendTime) to when a reader of what is committed has it, on
one clock: the broker's answer to that reader is in it, for all alike.
Beside it, in the same run and in turns, the floor: a bare consumer, `orjson.loads`, a comparison, a
producer, with the same settings of librdkafka; and our pipeline with `delivery: exactly_once`.
What starts is left out: nothing is measured before the first anomaly has come, nor in the first
half. What is sent is made beforehand, for the producer shares its core with the broker, which is
also why it lingers for 5 ms, as producers do unless they are told otherwise: at 2 ms the broker has
so many requests that the floor alone takes 50 to 100 ms at the 99th percentile. Events carry no
time of their own but the broker's.
`python -m bench.latency [SECONDS [ROUNDS [RATE]]]`
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.end_to_end import CORES, ours, pinned
from bench.stream import payloads, produce
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
SPIKE_EVERY = 997
POOL = 100_000
FILLED = 2_000_000
"""Events of the topic by which the greatest rate is measured."""
PORT = 19_474
END_SECONDS = 5.0
TIMES = {"message.timestamp.type": "LogAppendTime"}


def run(seconds: float = 30, rounds: int = 3, rate: float | None = None) -> dict[str, object]:
    """Measure at a rate of events per second, in turn with the floor; print and return ms."""
    os.sched_setaffinity(0, {CORES[-1]})
    most = None if rate else _greatest_rate()
    rate = rate or (most or 0.0) / 2
    found: dict[str, list[dict[str, float]]] = {"floor": [], "ours": [], "exactly once": []}
    commands: dict[str, Callable[[str, Path], list[str]]] = {
        "floor": lambda brokers, _: [
            sys.executable,
            "-m",
            "bench.echo",
            brokers,
            "stream",
            "found",
        ],
        "ours": partial(_pipeline, "at_least_once"),
        "exactly once": partial(_pipeline, "exactly_once"),
    }
    for _ in range(rounds):
        for name, command in commands.items():
            latencies = _measure(command, rate, seconds)
            quantiles = np.quantile(latencies, [0.5, 0.99, 1.0]).tolist()
            one = dict(zip(("p50_ms", "p99_ms", "max_ms"), quantiles, strict=True))
            found[name].append({"anomalies": len(latencies), **one})
            print(f"{name:>14}: {found[name][-1]}", flush=True)
    result = {"greatest_rate": most, "rate": rate, "seconds": seconds, **found}
    print(json.dumps(result, indent=2))
    return result


def _greatest_rate() -> float:
    """Return the events per second that the pipeline reaches on a topic that was filled before."""
    pipeline = PIPELINE.replace("{delivery}", "at_least_once")
    with KafkaBroker() as broker:
        broker.create_topic("stream", 4)
        broker.create_topic("found")
        produce(broker.bootstrap, "stream", FILLED)
        words = broker.bootstrap, "stream", "found", FILLED
        most = ours(*words, cores=CORES[:1], port=PORT, pipeline=pipeline).events_per_second
    print(f"greatest rate: {most:,.0f} events/s", flush=True)
    return most


def _pipeline(delivery: str, brokers: str, folder: Path) -> list[str]:
    file = folder / "latency.yaml"
    file.write_text(
        PIPELINE.format(brokers=brokers, directory=folder, port=PORT, delivery=delivery)
    )
    return [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]


def _measure(command: Callable[[str, Path], list[str]], rate: float, seconds: float) -> list[int]:
    with KafkaBroker() as broker, tempfile.TemporaryDirectory() as folder:
        broker.create_topic("stream", 4, TIMES)
        broker.create_topic("found", 1, TIMES)
        line = command(broker.bootstrap, Path(folder))
        with Path(folder, "log").open("w") as log:
            running = subprocess.Popen(pinned(CORES[:1], *line), stderr=log)
        reader = Reader(broker.bootstrap)
        try:
            while not reader.seen:
                _send(broker.bootstrap, rate, 1.0)
            time.sleep(END_SECONDS)
            reader.seen.clear()
            sent = _send(broker.bootstrap, rate, seconds)
            print(f"sent {sent / seconds:,.0f} events/s", file=sys.stderr, flush=True)
            time.sleep(END_SECONDS)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)
            reader.stop()
        return _latencies(broker.bootstrap, reader.seen)


class Reader:
    """Notes when a consumer that reads what is committed sees each anomaly."""

    def __init__(self, brokers: str) -> None:
        settings = {"bootstrap.servers": brokers, "group.id": "reader", "fetch.wait.max.ms": 10}
        self._consumer = Consumer({**settings, "isolation.level": "read_committed"})
        self._consumer.assign([TopicPartition("found", 0, 0)])
        self.seen: list[tuple[int, bytes]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            message = self._consumer.poll(0.1)
            if message is not None:
                self.seen.append((time.time_ns() // 1_000_000, message.value() or b""))


def _send(brokers: str, rate: float, seconds: float) -> int:
    settings = {"bootstrap.servers": brokers, "queue.buffering.max.messages": 2_000_000}
    producer = Producer(settings)
    pool = _pool()
    began, sent = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        due = min(int(passed * rate) - sent, POOL)
        first = sent % POOL
        sent += producer.produce_batch("stream", pool[first : first + due])
        producer.poll(0)
        time.sleep(0.002)
    producer.flush()
    return sent


@cache
def _pool() -> list[dict[str, bytes]]:
    return [_message(*item) for item in enumerate(payloads(POOL))]


def _message(number: int, event: tuple[bytes, bytes]) -> dict[str, bytes]:
    key, payload = event
    if number % SPIKE_EVERY == 0:
        payload = payload.replace(b'"temperature":', b'"temperature":9')
    return {"key": key, "value": payload}


def _arrivals(brokers: str) -> dict[tuple[int, int], int]:
    """Return the broker's time of each event."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "arrivals"})
    partitions = consumer.list_topics("stream").topics["stream"].partitions
    consumer.assign([TopicPartition("stream", partition, 0) for partition in partitions])
    found: dict[tuple[int, int], int] = {}
    while messages := consumer.consume(20_000, timeout=3.0):
        for message in messages:
            found[message.partition(), message.offset()] = message.timestamp()[1]
    consumer.close()
    return found


def _latencies(brokers: str, seen: list[tuple[int, bytes]]) -> list[int]:
    events, latencies = _arrivals(brokers), []
    for when, payload in seen:
        origin = orjson.loads(payload)["origin"]
        latencies.append(when - events[origin["partition"], origin["offset"]])
    return latencies[len(latencies) // 2 :]


if __name__ == "__main__":
    run(*(int(argument) for argument in sys.argv[1:]))

"""Latency from broker to anomaly: a steady rate on a real Kafka, read back from the anomaly topic.

Method: the pipeline raises an anomaly for about one event in a thousand (a raw score threshold that
planted spikes exceed) of a live stream (`bench.live`). The latency of an anomaly is from the
broker's time of its event (LogAppendTime) to when a reader of what is committed has it, on one
clock: the broker's answer to that reader is in it, for all alike.
Beside it, in the same run and in turns, the floor: a bare consumer, `orjson.loads`, a comparison, a
producer, with the same settings of librdkafka; and our pipeline with `delivery: exactly_once`.
The rates are half of the greatest that the pipeline keeps up with while events are sent
(`bench.sustained`), and half of what it reaches on a topic that was filled before, both measured in
the same run unless a rate is given. What starts is left out: nothing is measured before the first
anomaly has come, nor in the first half.
`python -m bench.latency [SECONDS [ROUNDS [RATE]]]`
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import cast

import numpy as np
import orjson
from confluent_kafka import Consumer, TopicPartition

from bench import end_to_end
from bench.end_to_end import CORES
from bench.live import PIPELINE, PORT, Command, Sender, Topics, floor, live, ours
from bench.stream import produce
from bench.sustained import sustained
from tests.support.kafka_broker import KafkaBroker

FILLED = 2_000_000
"""Events of the topic by which the greatest rate is measured."""
END_SECONDS = 5.0
COMMANDS: dict[str, Command] = {
    "floor": floor,
    "ours": ours("at_least_once"),
    "exactly once": ours("exactly_once"),
}


def run(seconds: float = 30, rounds: int = 3, rate: float | None = None) -> dict[str, object]:
    """Measure at a rate of events per second, or at the two halves; print and return ms."""
    os.sched_setaffinity(0, {CORES[-1]})
    result: dict[str, object] = {"seconds": seconds}
    with KafkaBroker(optimized=True) as broker:
        rates = [rate] if rate else []
        if not rates:
            result["filled"] = most = _greatest_rate(broker)
            result["sustained"] = kept = sustained(most, broker)
            rates = [kept / 2, most / 2]
        for one in rates:
            result[f"{one:.0f}"] = _at(one, seconds, rounds, broker)
    print(json.dumps(result, indent=2))
    return result


def _at(
    rate: float, seconds: float, rounds: int, broker: KafkaBroker
) -> dict[str, list[dict[str, float]]]:
    """Return what was measured at one rate, round by round."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in COMMANDS}
    print(f"at {rate:,.0f} events/s", flush=True)
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            latencies = _measure(command, rate, seconds, broker)
            quantiles = np.quantile(latencies, [0.5, 0.99, 1.0]).tolist()
            one = dict(zip(("p50_ms", "p99_ms", "max_ms"), quantiles, strict=True))
            found[name].append({"anomalies": len(latencies), **one})
            print(f"{name:>14}: {found[name][-1]}", flush=True)
    return found


def _greatest_rate(broker: KafkaBroker) -> float:
    """Return the events per second that the pipeline reaches on a topic that was filled before."""
    pipeline = PIPELINE.replace("{delivery}", "at_least_once")
    broker.create_topic("stream", 4)
    broker.create_topic("found")
    produce(broker.bootstrap, "stream", FILLED)
    words = broker.bootstrap, "stream", "found", FILLED, FILLED // 2
    most = end_to_end.ours(*words, cores=CORES[:1], port=PORT, pipeline=pipeline)
    print(f"from a filled topic: {most.events_per_second:,.0f} events/s", flush=True)
    return most.events_per_second


def _measure(command: Command, rate: float, seconds: float, broker: KafkaBroker) -> list[int]:
    with live(command, broker) as (topics, measured):
        reader, sender = Reader(topics), Sender(topics, rate, measured)
        try:
            while not reader.seen:
                sender.send(1.0)
            time.sleep(END_SECONDS)
            reader.seen.clear()
            before = sender.sent
            sender.send(seconds)
            sender.flush()
            sent = sender.sent - before
            print(f"sent {sent / seconds:,.0f} events/s", file=sys.stderr, flush=True)
            time.sleep(END_SECONDS)
        finally:
            reader.stop()
        return _latencies(topics, reader.seen)


class Reader:
    """Notes when a consumer that reads what is committed sees each anomaly."""

    def __init__(self, topics: Topics) -> None:
        settings = {
            "bootstrap.servers": topics.brokers,
            "group.id": "reader",
            "fetch.wait.max.ms": 10,
        }
        self._consumer = Consumer({**settings, "isolation.level": "read_committed"})
        self._consumer.assign([TopicPartition(topics.found, 0, 0)])
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
            if message is not None and message.error() is None:
                self.seen.append((time.time_ns() // 1_000_000, message.value() or b""))


def _arrivals(topics: Topics) -> dict[tuple[int, int], int]:
    """Return the broker's time of each event."""
    consumer = Consumer({"bootstrap.servers": topics.brokers, "group.id": "arrivals"})
    partitions = consumer.list_topics(topics.stream).topics[topics.stream].partitions
    consumer.assign([TopicPartition(topics.stream, partition, 0) for partition in partitions])
    found: dict[tuple[int, int], int] = {}
    while messages := consumer.consume(20_000, timeout=3.0):
        for message in messages:
            place = message.partition(), message.offset()
            found[cast("tuple[int, int]", place)] = message.timestamp()[1]
    consumer.close()
    return found


def _latencies(topics: Topics, seen: list[tuple[int, bytes]]) -> list[int]:
    events, latencies = _arrivals(topics), []
    for when, payload in seen:
        origin = orjson.loads(payload)["origin"]
        latencies.append(when - events[origin["partition"], origin["offset"]])
    return latencies[len(latencies) // 2 :]


if __name__ == "__main__":
    run(*(int(argument) for argument in sys.argv[1:]))

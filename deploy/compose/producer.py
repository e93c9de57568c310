"""Sensors that never stop: the simulated fleet of `pynomaly demo`, faults included, in real time.

First comes what was measured in the last twenty minutes, so that there is something to learn from;
then a reading a second. After a day of the fleet (24 minutes) it starts again, with other faults:
those that it had seen before would not be news to the pipeline.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import orjson
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from engine.application.demo.fleet import MINUTES_PER_DAY, VALUES, Fleet, inject

TOPICS = ("readings", "anomalies", "readings.rejected")
TOPIC = TOPICS[0]
PARTITIONS = 4
FLEET = Fleet(sensors=100, minutes=1200 + MINUTES_PER_DAY, learning=1200, faults=0)
FAULTS = 60
"""A day."""
GARBAGE = b'{"sensor": "press-000", "ts": "soon"}'
GARBAGE_EVERY = 100


def create_topics(brokers: str) -> None:
    """Create the topics that are missing."""
    client = AdminClient({"bootstrap.servers": brokers})
    wanted = [NewTopic(name, PARTITIONS, 1) for name in TOPICS]
    there = client.list_topics(timeout=30).topics
    missing = [topic for topic in wanted if topic.topic not in there]
    for created in client.create_topics(missing).values() if missing else ():
        created.result()


def readings() -> Iterator[list[list[float]]]:
    """Yield the values of every sensor, minute by minute, for ever."""
    calm = FLEET.readings().round(4)
    yield from calm[: FLEET.learning].tolist()
    for day in itertools.count():
        draw, values = np.random.default_rng(day), calm.copy()
        for fault in replace(FLEET, faults=FAULTS, seed=day).injected():
            inject(values, fault, draw)
        yield from values[FLEET.learning :].round(4).tolist()


def messages(start_ms: int, step_ms: int) -> Iterator[list[tuple[bytes, bytes]]]:
    """Yield key and value of every sensor's reading, step by step, for ever."""
    keys = [FLEET.name(sensor) for sensor in range(FLEET.sensors)]
    for step, row in enumerate(readings()):
        ts = start_ms + step * step_ms
        sent = [
            (
                key.encode(),
                orjson.dumps({"sensor": key, "ts": ts} | dict(zip(VALUES, values, strict=True))),
            )
            for key, values in zip(keys, row, strict=True)
        ]
        yield [*sent, (b"press-000", GARBAGE)] if step % GARBAGE_EVERY == 0 else sent


def produce(brokers: str, seconds: float) -> None:
    """Send the readings of the past at once, then a step every so many seconds."""
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 50})
    began = time.time() - FLEET.learning * seconds
    for step, sent in enumerate(messages(int(began * 1000), int(seconds * 1000))):
        time.sleep(max(0.0, began + step * seconds - time.time()))
        for key, value in sent:
            while True:
                try:
                    producer.produce(TOPIC, value, key)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)


def main() -> None:
    """Create the topics, and send until somebody stops it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", default=os.environ.get("KAFKA_BROKERS", "localhost:9092"))
    parser.add_argument("--seconds", type=float, default=1.0, help="between a sensor's readings")
    parser.add_argument("--topics-only", action="store_true", help="create the topics, then end")
    chosen = parser.parse_args()
    try:
        create_topics(chosen.brokers)
        if not chosen.topics_only:
            produce(chosen.brokers, chosen.seconds)
    except KafkaException as error:
        raise SystemExit(f"{chosen.brokers}: {error.args[0].str()}") from None


if __name__ == "__main__":
    main()

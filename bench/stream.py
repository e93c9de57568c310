"""The stream all end-to-end benchmarks read: 3 values, 1,000 entities, about 137 bytes of JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from confluent_kafka import Producer

ENTITIES = 1_000
START_MS = 1_767_225_600_000


def payloads(events: int, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and payload of each event, entity after entity, a second apart for each."""
    draw = np.random.default_rng(seed)
    values = draw.normal((20.0, 5.0, 100.0), (1.0, 0.2, 7.0), (ENTITIES * 100, 3)).round(5)
    rows = values.tolist()
    for event in range(events):
        entity = event % ENTITIES
        a, b, c = rows[event % len(rows)]
        stamp = START_MS + event // ENTITIES * 1_000
        yield (
            b"sensor-%04d" % entity,
            (
                f'{{"sensor":"sensor-{entity:04d}","ts":{stamp},"site":"hall-7",'
                f'"temperature":{a},"pressure":{b},"vibration":{c},"unit":"SI"}}'
            ).encode(),
        )


def produce(brokers: str, topic: str, events: int, rate: float | None = None) -> None:
    """Write the stream; all at once, or at a steady rate of events per second."""
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "linger.ms": 2 if rate else 50,
            "queue.buffering.max.messages": 500_000,
        }
    )
    began = time.perf_counter()
    for number, (key, payload) in enumerate(payloads(events)):
        while True:
            try:
                producer.produce(topic, payload, key)
                break
            except BufferError:
                producer.poll(0.05)
        if number % 1_000 == 0:
            producer.poll(0)
            if rate:
                time.sleep(max(0.0, number / rate - (time.perf_counter() - began)))
    producer.flush()

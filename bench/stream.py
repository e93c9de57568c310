"""The stream all end-to-end benchmarks read: 3 values, about 137 bytes of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from confluent_kafka import Producer

ENTITIES = 1_000
RIVAL_ENTITIES = 100
"""Fewer, which favours the rival: 1,000 of its models take longer to make than all the rest."""
START_MS = 1_767_225_600_000
Message = tuple[bytes, bytes]
"""Key and payload."""


def payloads(events: int, seed: int = 1, entities: int = ENTITIES) -> Iterator[Message]:
    """Yield key and payload of each event, entity after entity, a second apart for each."""
    draw = np.random.default_rng(seed)
    values = draw.normal((20.0, 5.0, 100.0), (1.0, 0.2, 7.0), (ENTITIES * 100, 3)).round(5)
    rows = values.tolist()
    for event in range(events):
        entity = event % entities
        a, b, c = rows[event % len(rows)]
        stamp = START_MS + event // entities * 1_000
        yield (
            b"sensor-%04d" % entity,
            (
                f'{{"sensor":"sensor-{entity:04d}","ts":{stamp},"site":"hall-7",'
                f'"temperature":{a},"pressure":{b},"vibration":{c},"unit":"SI"}}'
            ).encode(),
        )


def produce(brokers: str, topic: str, events: int, entities: int = ENTITIES) -> None:
    """Write the stream, all at once."""
    write(brokers, topic, payloads(events, entities=entities))


def write(brokers: str, topic: str, messages: Iterable[Message]) -> None:
    """Write messages to a topic as fast as it takes them."""
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "linger.ms": 50,
            "queue.buffering.max.messages": 500_000,
        }
    )
    for number, (key, payload) in enumerate(messages):
        while True:
            try:
                producer.produce(topic, payload, key)
                break
            except BufferError:
                producer.poll(0.05)
        if number % 1_000 == 0:
            producer.poll(0)
    producer.flush()

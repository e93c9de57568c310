"""What a user would write today: Bytewax's own Kafka connector, orjson, river per key, its sink."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSource
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main
from river.anomaly import HalfSpaceTrees

from bench.stream import RIVAL_ENTITIES

NAMES = ("temperature", "pressure", "vibration")
LIMITS = {"temperature": (10.0, 30.0), "pressure": (3.0, 7.0), "vibration": (50.0, 150.0)}


class Clock:
    """Starts when every entity has its trees: making them costs more than all that follows."""

    models = 0
    events = 0
    began = cpu = 0.0


def parse(message: Any) -> tuple[str, dict[str, float]]:
    event = orjson.loads(message.value)
    return event["sensor"], {name: event[name] for name in NAMES}


def score(model: HalfSpaceTrees | None, values: dict[str, float]) -> tuple[Any, float]:
    new = model is None
    Clock.events += Clock.models == RIVAL_ENTITIES
    model = model or HalfSpaceTrees(seed=42, limits=LIMITS)
    found = model.score_one(values)
    model.learn_one(values)
    if new:
        Clock.models += 1
        Clock.began, Clock.cpu = time.perf_counter(), time.process_time()
    return model, found


def anomaly(item: tuple[str, float]) -> KafkaSinkMessage[bytes, bytes] | None:
    key, found = item
    if found < 0.999:
        return None
    return KafkaSinkMessage(key.encode(), orjson.dumps({"entity": key, "score": found}))


def flow(brokers: str, topic: str, sink: str) -> Dataflow:
    dataflow = Dataflow("rival")
    source: Any = KafkaSource(
        [brokers],
        [topic],
        tail=False,
        batch_size=2_000,
        add_config={"queued.min.messages": "1000000", "fetch.message.max.bytes": "8388608"},
    )
    messages = op.input("source", dataflow, source)
    parsed = op.map("parse", messages, parse)
    scored = op.stateful_map("score", parsed, score)
    found = op.filter_map("anomalies", scored, anomaly)
    kop.output("sink", found, brokers=[brokers], topic=sink)
    return dataflow


def main(brokers: str, topic: str, sink: str) -> None:
    run_main(flow(brokers, topic, sink))  # type: ignore[no-untyped-call]
    seconds, cpu = time.perf_counter() - Clock.began, time.process_time() - Clock.cpu
    print(json.dumps({"events": Clock.events, "seconds": seconds, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])

"""The floor: the same consumer settings plus orjson.loads, and nothing else."""

from __future__ import annotations

import json
import sys
import time

import orjson
from confluent_kafka import Consumer, TopicPartition

from bench.measured import WARM_UP


def main(brokers: str, topic: str, total: int, events: int) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "floor",
            "queued.min.messages": 1_000_000,
            "fetch.message.max.bytes": 8_388_608,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    seen, warm, until = 0, 0, float("inf")
    began = cpu = 0.0
    while seen < min(total, warm + events) or not warm:
        messages = consumer.consume(10_000, timeout=0.5)
        for message in messages:
            orjson.loads(message.value() or b"")
        if messages and not seen:
            until = time.perf_counter() + WARM_UP
        seen += len(messages)
        if not warm and (time.perf_counter() >= until or seen >= total - events):
            warm, began, cpu = seen, time.perf_counter(), time.process_time()
    found = {
        "events": seen - warm,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

"""The floor: the same consumer settings plus orjson.loads, and nothing else."""

from __future__ import annotations

import json
import sys
import time

import orjson
from confluent_kafka import Consumer, TopicPartition


def main(brokers: str, topic: str, events: int) -> None:
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
    seen, began = 0, 0.0
    while seen < events:
        messages = consumer.consume(10_000, timeout=0.5)
        if messages and not seen:
            began = time.perf_counter()
        for message in messages:
            orjson.loads(message.value())
        seen += len(messages)
    print(json.dumps({"events": seen, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

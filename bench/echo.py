"""The floor of latency: a bare consumer and producer, orjson and an if, and nothing else."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.kafka.settings import CONSUMER, PRODUCER

SPIKE = 900.0


def main(brokers: str, topic: str, sink: str) -> None:
    ended = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    consumer = Consumer({**CONSUMER, "bootstrap.servers": brokers, "group.id": "echo"})
    producer = Producer({**PRODUCER, "bootstrap.servers": brokers})
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    while not ended:
        for message in consumer.consume(10_000, timeout=0.003):
            if message.error() is not None:
                # A partition may have no leader yet, on a busy machine.
                continue
            if orjson.loads(message.value() or b"")["temperature"] > SPIKE:
                origin = {"partition": message.partition(), "offset": message.offset()}
                producer.produce(sink, orjson.dumps({"origin": origin}))
        producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])

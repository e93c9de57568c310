"""Latency from broker to anomaly: a steady rate on a real Kafka, read back from the anomaly topic.

Method: the pipeline raises an anomaly for about one event in a thousand (a raw score threshold that
planted spikes exceed), while the producer sends at a given rate. The latency of an anomaly is the
broker's time of the anomaly minus the broker's time of its event (both LogAppendTime, one clock).
Warm-up of the virtual machine is left out: the first half. What is sent is made beforehand, for the
producer shares its core with the broker, and events carry no time of their own but the broker's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.end_to_end import CORES, metric, pinned
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
"""
SPIKE_EVERY = 997
POOL = 100_000
TIMES = {"message.timestamp.type": "LogAppendTime"}


def run(rate: float = 100_000, seconds: float = 30, port: int = 19_474) -> dict[str, float]:
    """Measure at a rate of events per second, print and return milliseconds."""
    os.sched_setaffinity(0, {CORES[-1]})
    with KafkaBroker() as broker, tempfile.TemporaryDirectory() as directory:
        broker.create_topic("stream", 4, TIMES)
        broker.create_topic("found", 1, TIMES)
        file = Path(directory, "latency.yaml")
        file.write_text(PIPELINE.format(brokers=broker.bootstrap, directory=directory, port=port))
        command = [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]
        pipeline = subprocess.Popen(pinned(CORES[:1], *command))
        try:
            sent = _send(broker.bootstrap, rate, seconds, port)
            while metric(port, "pynomaly_events_total") < sent:
                time.sleep(0.1)
        finally:
            pipeline.send_signal(signal.SIGTERM)
            pipeline.wait(60)
        latencies = _latencies(broker.bootstrap)
    p50, p99, worst = np.quantile(latencies, [0.5, 0.99, 1.0])
    result = {
        "rate": rate,
        "anomalies": len(latencies),
        "p50_ms": p50,
        "p99_ms": p99,
        "max_ms": worst,
    }
    print(json.dumps(result, indent=2))
    return result


def _send(brokers: str, rate: float, seconds: float, port: int) -> int:
    while not metric(port, "pynomaly_pipeline_info"):
        time.sleep(0.2)
    settings = {"linger.ms": 2, "queue.buffering.max.messages": 2_000_000}
    producer = Producer({"bootstrap.servers": brokers, **settings})
    pool = [_message(*item) for item in enumerate(payloads(POOL))]
    began, sent = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        due = min(int(passed * rate) - sent, POOL)
        first = sent % POOL
        sent += producer.produce_batch("stream", pool[first : first + due])
        producer.poll(0)
        time.sleep(0.002)
    producer.flush()
    return sent


def _message(number: int, event: tuple[bytes, bytes]) -> dict[str, bytes]:
    key, payload = event
    if number % SPIKE_EVERY == 0:
        payload = payload.replace(b'"temperature":', b'"temperature":9')
    return {"key": key, "value": payload}


def _read(brokers: str, topic: str) -> dict[tuple[int, int], tuple[int, bytes]]:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"latency-{topic}"})
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    found: dict[tuple[int, int], tuple[int, bytes]] = {}
    while messages := consumer.consume(20_000, timeout=3.0):
        for message in messages:
            place = (message.partition(), message.offset())
            found[place] = (message.timestamp()[1], message.value())
    consumer.close()
    return found


def _latencies(brokers: str) -> list[int]:
    events = _read(brokers, "stream")
    latencies = []
    for arrived, payload in _read(brokers, "found").values():
        origin = orjson.loads(payload)["origin"]
        latencies.append(arrived - events[origin["partition"], origin["offset"]][0])
    return latencies[len(latencies) // 2 :]


if __name__ == "__main__":
    run(*(float(argument) for argument in sys.argv[1:]))

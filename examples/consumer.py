"""Reads anomalies, and prints a line for each that is news.

It ends when no message has come for ten seconds after others; a service would go on.
"""

import json
import os

from confluent_kafka import Consumer

consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("KAFKA_BROKERS", "localhost:9092"),
        "group.id": "anomaly-printer",
        "auto.offset.reset": "earliest",
        # With `delivery: exactly_once` this makes records visible once they are committed.
        "isolation.level": "read_committed",
    }
)
consumer.subscribe(["anomalies"])
seen: set[str] = set()
while (message := consumer.poll(10)) is not None or not seen:
    if message is None:
        # To join the group may take longer.
        continue
    if message.error():
        raise SystemExit(str(message.error()))
    anomaly = json.loads(message.value())
    if anomaly["schema_version"] != 1:
        raise SystemExit(f"schema version {anomaly['schema_version']} is not known here")
    # After a crash of the pipeline its last anomalies come again, with the same ids.
    if anomaly["id"] in seen:
        continue
    seen.add(anomaly["id"])
    blamed = max(anomaly["values"], key=lambda value: value["contribution"])
    onset = "new" if anomaly["incident"] == anomaly["id"] else "goes on"
    print(f"{anomaly['time'][:19]} {anomaly['severity']} {anomaly['entity']} ({onset})")
    print(f"  {anomaly['kind']}: {anomaly['summary']}")
    print(f"  expected {blamed['expected_low']} to {blamed['expected_high']}")
consumer.close()

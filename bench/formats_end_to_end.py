"""Formats end to end on a real Kafka and a real schema registry, beside JSON in the same run.

The stream of `bench.end_to_end` in five topics: JSON, Avro and Protobuf with the same fields and a
registry, JSON with 50 events a message, and the floor over the JSON. Pinned and measured as there:
the ratio of each to JSON one by one, medians of the rounds with their range.
`python -m bench.formats_end_to_end [EVENTS [ROUNDS]]`; `--write` keeps the figures.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any

import fastavro
import orjson
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bench.end_to_end import CORES, PIPELINE, compare, measure, ours
from bench.figures import arguments, report
from bench.measured import Rate, script
from bench.stream import Message, payloads, write
from tests.support.kafka_broker import KafkaBroker
from tests.support.schema_registry import schema_registry

PARTITIONS, ELEMENTS = 4, 50
FIELDS = {
    "sensor": ("string", "string"),
    "ts": ("long", "int64"),
    "site": ("string", "string"),
    "temperature": ("double", "double"),
    "pressure": ("double", "double"),
    "vibration": ("double", "double"),
    "unit": ("string", "string"),
}
"""Of the stream: types of Avro and of Protobuf."""
AVRO = {
    "type": "record",
    "name": "Reading",
    "fields": [{"name": name, "type": kind} for name, (kind, _) in FIELDS.items()],
}
PROTOBUF = (
    'syntax = "proto3"; message Reading { '
    + " ".join(f"{kind} {name} = {n};" for n, (name, (_, kind)) in enumerate(FIELDS.items(), 1))
    + " }"
)
ABOUT = "Formats on Kafka with a schema registry, beside JSON; cpu us is processor time an event."


def run(events: int = 1_000_000, rounds: int = 3) -> dict[str, object]:
    """Measure, print and return the ratios."""
    os.sched_setaffinity(0, {CORES[-1]})
    total = 2 * events
    with KafkaBroker() as broker, schema_registry() as url:
        brokers = broker.bootstrap
        for topic, messages in _topics(total, url).items():
            broker.create_topic(topic, PARTITIONS)
            write(brokers, topic, messages)
        broker.create_topic("found")

        def peer(topic: str, pipeline: str) -> Callable[[], Rate]:
            many = ELEMENTS if topic == "exploded" else 1
            # The metrics page counts messages.
            messages = total // many, events // many
            asked: dict[str, Any] = {"cores": CORES[:1], "pipeline": pipeline}
            return lambda: _of_each(ours(brokers, topic, "found", *messages, **asked), many)

        floor = "bench.floor", brokers, "json", total, events
        rates = measure(
            {
                "floor": lambda: script(CORES[:1], *floor),
                **{topic: peer(topic, text) for topic, text in _pipelines(url).items()},
            },
            rounds,
        )
    result = {
        "events": events,
        "rounds": rounds,
        "events/s": {name: [round(r.events_per_second) for r in of] for name, of in rates.items()},
        "cpu us": {name: [round(r.cpu_us, 3) for r in of] for name, of in rates.items()},
        "json/floor": compare(rates["json"], rates["floor"]),
        **{
            f"{name}/json": compare(rates[name], rates["json"])
            for name in ("avro", "protobuf", "exploded")
        },
    }
    report("formats_end_to_end", ABOUT, result)
    return result


def _of_each(rate: Rate, many: int) -> Rate:
    """Return the rate of events from that of messages with so many of them."""
    return replace(rate, events_per_second=rate.events_per_second * many, cpu_us=rate.cpu_us / many)


def _pipelines(url: str) -> dict[str, str]:
    """Return the pipeline file of each topic, as `ours` fills it in."""
    exploded = PIPELINE.replace("event:\n", "event:\n  explode: readings\n")
    for name in ("sensor", "ts", "temperature", "pressure", "vibration"):
        exploded = re.sub(rf"(?<=[ \[]){name}\b", f"readings.{name}", exploded)
    registry = f"{{{{registry: {{{{url: '{url}'}}}}}}}}"
    of_format = {
        name: PIPELINE.replace("event:\n", f"event:\n  format: {{{{{name}: {registry}}}}}\n")
        for name in ("avro", "protobuf")
    }
    return {"json": PIPELINE, **of_format, "exploded": exploded}


def _topics(total: int, url: str) -> dict[str, Iterator[Message]]:
    with closing(SchemaRegistryClient({"url": url})) as client:
        avro = client.register_schema("avro-value", Schema(json.dumps(AVRO), "AVRO"))
        protobuf = client.register_schema("protobuf-value", Schema(PROTOBUF, "PROTOBUF"))
    as_avro = _avro(b"\0" + avro.to_bytes(4, "big"))
    as_protobuf = _protobuf(b"\0" + protobuf.to_bytes(4, "big") + b"\0")
    return {
        "json": payloads(total),
        "avro": ((key, as_avro(orjson.loads(value))) for key, value in payloads(total)),
        "protobuf": ((key, as_protobuf(orjson.loads(value))) for key, value in payloads(total)),
        "exploded": _packed(total),
    }


def _packed(total: int) -> Iterator[Message]:
    """Yield messages of 50 events; those of an entity always have the same key."""
    events = payloads(total)
    while group := list(islice(events, ELEMENTS)):
        yield group[0][0], b'{"readings":[%s]}' % b",".join(value for _, value in group)


def _avro(head: bytes) -> Callable[[dict[str, Any]], bytes]:
    schema = fastavro.parse_schema(AVRO)

    def written(event: dict[str, Any]) -> bytes:
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, schema, event)
        return head + stream.getvalue()

    return written


def _protobuf(head: bytes) -> Callable[[dict[str, Any]], bytes]:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="reading.proto", syntax="proto3")
    message = file.message_type.add(name="Reading")
    for number, (name, (_, kind)) in enumerate(FIELDS.items(), 1):
        message.field.add(
            name=name,
            number=number,
            label=kinds.LABEL_OPTIONAL,
            type=kinds.Type.Value(f"TYPE_{kind.upper()}"),
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    reading = message_factory.GetMessageClass(pool.FindMessageTypeByName("Reading"))

    def written(event: dict[str, Any]) -> bytes:
        body: bytes = reading(**event).SerializeToString()
        return head + body

    return written


if __name__ == "__main__":
    run(*arguments())

"""Plain readers of committed records: what any consumer of the output sees."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import cast

import orjson
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

PATIENCE = 300.0
"""Seconds for an answer of brokers: a busy machine is no fault."""
Found = dict[str, list[bytes]]
"""Digest of key and payload of each record, by its id."""


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "chaos-reader",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "reconnect.backoff.max.ms": 500,
            # A broker that is down is what we are here for.
            "log_level": 1,
        }
    )


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    return list(consumer.list_topics(topic, timeout=PATIENCE).topics[topic].partitions)


def _nothing(_message: Message) -> bool:
    return False


def read_all(
    bootstrap: str, topic: str, passed_over: Callable[[Message], bool] = _nothing
) -> Found:
    """Return all records of a topic that a reader may see, but for those of others."""
    found = Found()
    for message in visible(bootstrap, topic):
        if passed_over(message):
            continue
        own_id = _headers(message)["pynomaly-id"].decode()
        content = repr((message.key(), message.value())).encode()
        found.setdefault(own_id, []).append(blake2b(content, digest_size=16).digest())
    return found


def read_files(paths: Sequence[Path]) -> Found:
    """Return the records of files, each a line with an id; a line that is none has one of its own.

    Args:
        paths: of the files; what is not there is empty.
    """
    found = Found()
    for path in paths:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        for number, line in enumerate(lines):
            try:
                own_id = str(orjson.loads(line)["id"]) if line.endswith(b"\n") else ""
            except (orjson.JSONDecodeError, KeyError, TypeError):
                own_id = ""
            own_id = own_id or f"{path}, line {number + 1}"
            found.setdefault(own_id, []).append(blake2b(line, digest_size=16).digest())
    return found


def visible(bootstrap: str, topic: str) -> Iterator[Message]:
    """Yield the messages of a topic that a reader of what is committed sees."""
    consumer = _consumer(bootstrap)
    partitions = _partitions(consumer, topic)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    waiting = set(partitions)
    while waiting:
        for message in consumer.consume(10_000, timeout=1.0):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                waiting.discard(message.partition() or 0)
    consumer.close()


def committed(bootstrap: str, group: str) -> dict[int, int]:
    """Return a consumer group's offsets, as lag tools see them."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    places = [ConsumerGroupTopicPartitions(group)]
    (asked,) = admin.list_consumer_group_offsets(places, request_timeout=PATIENCE).values()
    return {place.partition: place.offset for place in asked.result(PATIENCE).topic_partitions}


class Monitor:
    """Watches scores and dead letters in the background: how far the input is accounted for.

    Attributes:
        behind: for each input partition the offset behind the last input that was accounted for.
        changed: set whenever something became visible.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: list[str],
        passed_over: Callable[[Message], bool] = _nothing,
    ) -> None:
        self.behind: dict[int, int] = {}
        self.changed = threading.Event()
        self._passed_over = passed_over
        self._consumer = _consumer(bootstrap)
        places = [
            TopicPartition(topic, partition, 0)
            for topic in topics
            for partition in _partitions(self._consumer, topic)
        ]
        self._consumer.assign(places)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="monitor")
        self._thread.start()

    def accounted(self) -> int:
        """Return how many messages of the input are accounted for."""
        return sum(self.behind.values())

    def stop(self) -> None:
        """Stop watching."""
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            for message in self._consumer.consume(2_000, timeout=0.05):
                if message.error() is None and not self._passed_over(message):
                    partition, offset = origin(message)
                    self.behind[partition] = max(self.behind.get(partition, 0), offset + 1)
                    self.changed.set()


def origin(message: Message) -> tuple[int, int]:
    """Return partition and offset of the input that a record is about."""
    headers = _headers(message)
    if "pynomaly-reason" in headers:
        return int(headers["pynomaly-partition"]), int(headers["pynomaly-offset"])
    place = orjson.loads(message.value() or b"")["origin"]
    return place["partition"], place["offset"]


def _headers(message: Message) -> dict[str, bytes]:
    return cast("dict[str, bytes]", dict(message.headers() or ()))

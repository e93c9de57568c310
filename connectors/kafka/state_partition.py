"""Reads a partition of the state topic: its newest manifest, and the chunks that it names."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka import manifest as manifests
from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.client import open_client
from connectors.kafka.manifest import Chunk, Manifest
from engine.domain.errors import RetryableError, SnapshotError
from pynomaly.plugins import RunContext

POLL_SECONDS = 0.02
RETRY_SECONDS = 0.2
LOOKUP_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""Without a message, and without the end of the partition, reading is given up."""


class StateReader:
    """A client that reads the state topic: one for all partitions that a process restores."""

    def __init__(
        self, settings: dict[str, Any], topic: str, errors: BrokerErrors, context: RunContext
    ) -> None:
        """Connect.

        Args:
            settings: of librdkafka, that say how the cluster is reached.
            topic: the state topic.
            errors: reports errors of the connection to the brokers.
            context: of this process.
        """
        self.topic, self.errors, self.context = topic, errors, context
        self._settings = {
            "fetch.wait.max.ms": 5,
            "fetch.message.max.bytes": 8 * 2**20,
            "reconnect.backoff.max.ms": 2_000,
            **settings,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "error_cb": errors.report,
        }
        self.consumer = self.open("read_committed")

    def open(self, isolation: str) -> Consumer:
        """Return a client of its own, to be closed by who asked for it."""
        chosen = {**self._settings, "isolation.level": isolation}
        return open_client(Consumer, chosen, self.errors)

    def close(self) -> None:
        """Leave the cluster."""
        self.consumer.close()


class StatePartition:
    """One partition of the state topic.

    Attributes:
        name: for people.
    """

    def __init__(self, reader: StateReader, partition: int) -> None:
        """Prepare it.

        Args:
            reader: reads one partition at a time.
            partition: its number.
        """
        self.name = f"{reader.topic}[{partition}]"
        self._topic, self._partition = reader.topic, partition
        self._reader = reader
        self._context = reader.context
        self._errors = reader.errors
        self._consumer = reader.consumer

    def newest(self, task: str, start: int, number: int | None, seconds: float) -> Manifest | None:
        """Return the newest manifest of a task that is committed; None if there is none.

        Args:
            task: name of the task.
            start: offset to begin at; earlier records belong to older ones.
            number: of a checkpoint that is known to be committed: it is waited for, since the
                markers of a transaction reach its partitions one after the other.
            seconds: the time to wait.

        Raises:
            SnapshotError: the newest one is damaged, or the one that is known does not come.
        """
        key = manifest_key(task)
        newest: tuple[int, bytes] | None = None
        until = time.monotonic() + seconds

        def handle(message: Message) -> None:
            nonlocal newest
            if message.key() == key:
                value = message.value()
                newest = None if value is None else (message.offset() or 0, value)

        while True:
            start = self._read(start, handle)
            found = self._decode(newest)
            if number is None or (found is not None and found.number >= number):
                return found
            if time.monotonic() > until:
                raise SnapshotError(
                    f"{self.name}: checkpoint {number} of partition {task} is missing, which the "
                    "group's offsets name: the state topic was emptied or recreated. Restore it, "
                    "or start afresh with `pynomaly state reset`"
                )
            self._context.heartbeat.waiting()

    def chunks(self, wanted: Sequence[Chunk]) -> dict[str, bytes]:
        """Return the bytes of chunks by their keys.

        Raises:
            SnapshotError: one is missing or damaged.
        """
        missing = {chunk.offset: chunk for chunk in wanted}
        found: dict[str, bytes] = {}

        def handle(message: Message) -> None:
            chunk = missing.get(message.offset() or 0)
            if chunk is None or (message.key() or b"").decode("utf-8", "replace") != chunk.key:
                return
            value = message.value() or b""
            if len(value) != chunk.size or manifests.digest(value) != chunk.digest:
                raise SnapshotError(
                    f"{self.name}: the record at offset {message.offset()} ({chunk.key}) is "
                    "corrupt: its checksum does not match"
                )
            found[chunk.key] = value
            del missing[chunk.offset]

        if missing:
            self._read(min(missing), handle, lambda: not missing)
        if missing:
            names = ", ".join(chunk.key for chunk in [*missing.values()][:3])
            raise SnapshotError(
                f"{self.name}: {len(missing)} records of a snapshot are missing ({names}): was "
                "the topic emptied, or is its cleanup.policy not `compact` alone?"
            )
        return found

    def standing_keys(self) -> list[bytes]:
        """Return the keys under which anything is stored."""
        standing: dict[bytes, bool] = {}

        def handle(message: Message) -> None:
            standing[message.key() or b""] = message.value() is not None

        self._read(0, handle)
        return [key for key, stands in standing.items() if stands]

    def last_writer(self, task: str, start: int) -> str:
        """Return the transactional id of who wrote last to the partition, committed or not.

        Args:
            task: name of the task.
            start: offset to begin at.
        """
        writer = ""
        key = manifest_key(task)

        def handle(message: Message) -> None:
            nonlocal writer
            if message.key() == key and (value := message.value()) is not None:
                found = self._decode((message.offset() or 0, value))
                writer = found.writer if found is not None else writer

        committed, self._consumer = self._consumer, self._reader.open("read_uncommitted")
        try:
            self._read(start, handle)
        finally:
            self._consumer.close()
            self._consumer = committed
        return writer

    def _decode(self, found: tuple[int, bytes] | None) -> Manifest | None:
        if found is None:
            return None
        return manifests.decode(found[1], f"{self.name}: the record at offset {found[0]}")

    def _read(
        self,
        start: int,
        take: Callable[[Message], None],
        done: Callable[[], bool] = lambda: False,
    ) -> int:
        """Read on to the end; return the offset to go on from."""
        low, high = self._bounds()
        # Beyond the end: the topic was recreated. The caller reports what is missing.
        position = max(start, low) if start <= high else low
        self._consumer.assign([TopicPartition(self._topic, self._partition, position)])
        heard = time.monotonic()
        try:
            while not done():
                self._context.heartbeat.waiting()
                messages = self._errors.polled(
                    lambda: self._consumer.consume(1_000, timeout=POLL_SECONDS), list[Message]()
                )
                for message in messages:
                    heard = time.monotonic()
                    error = message.error()
                    if error is None:
                        take(message)
                        position = (message.offset() or 0) + 1
                    elif error.code() == KafkaError._PARTITION_EOF:
                        return max(position, message.offset() or 0)
                    else:
                        self._report(error)
                if time.monotonic() - heard > SILENCE_SECONDS:
                    raise RetryableError(
                        f"{self.name}: no answer from its brokers for {SILENCE_SECONDS:.0f} s: it "
                        "is read again after a restart"
                    )
            return position
        finally:
            self._consumer.unassign()

    def _bounds(self) -> tuple[int, int]:
        """Return the first offset and the end, once a broker says them."""
        place = TopicPartition(self._topic, self._partition)
        began = time.monotonic()
        while True:
            self._context.heartbeat.waiting()
            try:
                return self._consumer.get_watermark_offsets(place, timeout=LOOKUP_SECONDS)
            except KafkaException as error:
                # A topic that was just made, or a broker that just started, has no leaders yet.
                self._errors.report(error.args[0])
                self._errors.raise_if_fatal()
                if time.monotonic() - began > SILENCE_SECONDS:
                    raise RetryableError(
                        f"{self.name}: its end is not known: {error.args[0].str()}. It is asked "
                        "for again after a restart"
                    ) from error
                time.sleep(RETRY_SECONDS)

    def _report(self, error: KafkaError) -> None:
        self._errors.report(error)
        self._errors.raise_if_fatal()
        if not error.retriable():
            raise KafkaException(error)


def manifest_key(task: str) -> bytes:
    """Return the key of a task's manifest."""
    return f"{task}/manifest".encode()

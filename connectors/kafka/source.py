"""The Kafka source: the partitions of a topic as batches, with durable positions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import KafkaException, Message

from connectors.kafka.consumer import SharedConsumer
from connectors.kafka.membership import GroupMembership
from connectors.kafka.membership_settings import MEMBERSHIP, SOURCE, group
from connectors.kafka.message_columns import raw_batch
from connectors.kafka.redrive import KafkaRedrive
from connectors.kafka.rights import require_group, require_topic
from connectors.kafka.settings import KafkaSinkSettings, KafkaSourceSettings
from connectors.kafka.topic_limits import admin_client
from engine.domain.batch import RawBatch
from engine.domain.errors import ConnectorError
from pynomaly.plugins import RunContext

SAMPLE_SECONDS = 5.0


class KafkaSource:
    """The plug-in behind `source: {kafka: ...}`."""

    Settings = KafkaSourceSettings
    rereadable = "exactly"

    def __init__(self, settings: KafkaSourceSettings, context: RunContext) -> None:
        self._settings = settings
        self._context = context
        self._readers: list[PartitionReader] = []
        self._membership: GroupMembership | None = None
        context.shared[SOURCE] = (settings.topic, group(settings, context))
        self._stored: dict[int, int] = {}
        self._with_keys = context.needs_keys

    @property
    def topic(self) -> str:
        """The topic."""
        return self._settings.topic

    @cached_property
    def consumer(self) -> SharedConsumer:
        """The one consumer of this process."""
        return SharedConsumer(self._settings, self._context, self.batch)

    def source(self) -> PartitionedTopic:
        """Return the Bytewax source."""
        return PartitionedTopic(self)

    def batch(self, partition: int, messages: list[Message]) -> RawBatch:
        """Return messages of a partition in columns."""
        return raw_batch(self.topic, partition, messages, with_keys=self._with_keys)

    def read(self, partition: int, resumed: int | None) -> PartitionReader:
        """Return what reads a partition from now on."""
        reader = PartitionReader(self, self._context, partition, resumed)
        self._readers.append(reader)
        return reader

    def positions(self) -> dict[int, int]:
        """Return the next offset to read of each partition of this process."""
        return {reader.partition: reader.position for reader in self._readers}

    def release(self, reader: PartitionReader) -> None:
        """Stop reading a partition."""
        self._readers.remove(reader)
        self.consumer.unassign(reader.partition)

    def identity(self) -> dict[str, str]:
        """Return the id of this topic, which a recreated topic of the same name does not share.

        Stored with each checkpoint, and given back to `recognise`.
        """
        found = self.consumer.topic.identity()
        return {"topic_id": found} if found else {}

    def recognise(self, stored: Mapping[str, str]) -> bool:
        """Return whether positions that were stored with this identity are still valid.

        If they are not, the partition starts where the settings say, with what was learned.

        Raises:
            OffsetLostError: they are not, and the settings say to fail.
        """
        return self.consumer.topic.recognise(stored.get("topic_id", ""))

    def resume_behind(self, partition: str, epoch: int) -> None:
        """Have the partition, when it is read, begin behind a message of this leader's epoch.

        Brokers that have lost that message since report the position as lost.
        """
        self.consumer.resume_behind(int(partition), epoch)

    def membership(self) -> GroupMembership:
        """Join the group, to share the topic's partitions with other instances."""
        self._membership = GroupMembership(self._settings, self._context)
        self._context.shared[MEMBERSHIP] = self._membership
        return self._membership

    def stored(self, positions: Mapping[str, int]) -> None:
        """Commit offsets of partitions to the group, unless the state store has done so."""
        if self._membership is not None:
            return
        for partition, position in positions.items():
            self.consumer.commit(int(partition), position)
            self._stored[int(partition)] = position

    def finish(self) -> None:
        """Commit once more the positions that are stored, and wait for that; leave."""
        for partition, position in self._stored.items():
            self.consumer.commit(partition, position, wait=True)
        self.consumer.close()

    def check(self, samples: int) -> list[RawBatch]:
        """Return up to `samples` of the newest messages of each of the first partitions.

        Raises:
            ConnectorError: no broker answers, or there is no such topic.
        """
        self._with_keys = True
        consumer = self.consumer
        try:
            partitions = consumer.check()
            self._check_rights()
            return [batch for p in partitions[:8] for batch in self._sample(p, samples)]
        except KafkaException as error:
            raise ConnectorError(
                f"{self._settings.brokers}: {error.args[0].str()}. Is a broker listening there?"
            ) from error
        finally:
            consumer.close()

    def redrive(self, letters: object) -> KafkaRedrive:
        """Return what sends dead letters back to the topic.

        Args:
            letters: settings of the sink of the dead letters.

        Raises:
            ConnectorError: it is not a topic of the same cluster.
        """
        if not isinstance(letters, KafkaSinkSettings):
            raise ConnectorError("re-driving needs dead letters in a Kafka topic")
        return KafkaRedrive(self._settings, letters, self._context.pipeline)

    def _check_rights(self) -> None:
        settings, errors = self._settings, self.consumer.errors
        admin = admin_client(settings.brokers, settings.settings, errors)
        require_topic(admin, settings.topic, ["READ"])
        require_group(admin, group(settings, self._context))

    def _sample(self, partition: int, samples: int) -> list[RawBatch]:
        low, high = self.consumer.bounds(partition)
        wanted = min(samples, high - low)
        self.consumer.assign(partition, high - wanted)
        batches: list[RawBatch] = []
        until = time.monotonic() + SAMPLE_SECONDS
        while sum(map(len, batches)) < wanted and time.monotonic() < until:
            batches += self.consumer.poll(partition)
        return batches


class PartitionedTopic(FixedPartitionedSource[RawBatch, int]):
    """Bytewax's side of the topic."""

    def __init__(self, kafka: KafkaSource) -> None:
        self._kafka = kafka

    def list_parts(self) -> list[str]:
        """Return the partitions' numbers."""
        return [str(partition) for partition in self._kafka.consumer.partitions()]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> PartitionReader:
        """Start reading a partition."""
        return self._kafka.read(int(for_part), resume_state)


class PartitionReader(StatefulSourcePartition[RawBatch, int]):
    """Reads one partition.

    Attributes:
        partition: its number.
        position: the next offset to read.
    """

    def __init__(
        self, kafka: KafkaSource, context: RunContext, partition: int, resumed: int | None
    ) -> None:
        self.partition = partition
        self.position = kafka.consumer.assign(partition, resumed)
        self._end = kafka.consumer.end(partition)
        self._kafka = kafka
        self._context = context

    def next_batch(self) -> list[RawBatch]:
        """Return what has arrived."""
        if self._context.draining.is_set():
            raise StopIteration
        if self._end is not None and self.position >= self._end:
            raise StopIteration
        self._kafka.consumer.update_lag(self._kafka.positions())
        self._kafka.consumer.topic.check()
        consumer = self._kafka.consumer
        batches = self._before_end(consumer.poll(self.partition))
        if (offset := consumer.reset_to(self.partition)) is not None:
            self.position = offset
        if batches:
            self.position = int(batches[-1].offsets[-1]) + 1
        self.position = max(self.position, consumer.read_to(self.partition))
        return batches

    def _before_end(self, batches: list[RawBatch]) -> list[RawBatch]:
        """Return those before the end; what comes behind it is not waited for."""
        if self._end is None or not batches or int(batches[-1].offsets[-1]) < self._end:
            return batches
        self.position = max(self.position, self._end)
        cut = [
            batch.take(slice(0, int(np.searchsorted(batch.offsets, self._end))))
            for batch in batches
        ]
        return [batch for batch in cut if len(batch)]

    def snapshot(self) -> int:
        """Return the position."""
        return self.position

    def close(self) -> None:
        """Stop reading it."""
        self._kafka.release(self)

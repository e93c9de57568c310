"""The state store in Kafka: checkpoints in a compacted topic, one partition a source partition.

State, the group's offsets and, with exactly once, the outputs are in one transaction. Who takes a
partition over asks the group for its offset, whose metadata names the checkpoint that belongs to
it, and where its manifest lies; the manifest says where the chunks of the snapshot lie. Two
generations of chunks are in the topic, so that the older one is whole until the newer one is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from confluent_kafka import TopicPartition

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.checkpoint_writer import CheckpointWriter
from connectors.kafka.group_commit import GroupCommit
from connectors.kafka.group_offsets import GroupOffsets
from connectors.kafka.manifest import Manifest
from connectors.kafka.offset_note import read_note
from connectors.kafka.own_topic import wait_for_topic
from connectors.kafka.settings import KafkaStateSettings
from connectors.kafka.shared_transaction import shared_transaction
from connectors.kafka.state_owner import require_own
from connectors.kafka.state_partition import StatePartition, StateReader
from connectors.kafka.state_topic import prepare_state_topic
from connectors.kafka.state_topic_check import StateTopicCheck
from connectors.kafka.topic_limits import admin_client
from connectors.kafka.transaction import Transaction
from engine.domain.errors import ConnectorError, SnapshotError
from pynomaly.plugins import Checkpoint, Json, RunContext, StoredTask

logger = logging.getLogger("pynomaly.kafka")

MARKER_SECONDS = 60.0
SAME_CLUSTER = (
    "with state in Kafka and `delivery: exactly_once`, all Kafka sinks need the same `brokers` "
    "and `settings` as the state: they are in one transaction"
)


class TopicStore:
    """A process's side of the store."""

    def __init__(self, settings: KafkaStateSettings, context: RunContext) -> None:
        """Prepare it; it connects when the first task is restored.

        Args:
            settings: of the store.
            context: of this process.
        """
        self._settings = settings
        self._context = context
        count = context.telemetry.sink_errors
        self.errors = BrokerErrors(
            "state", lambda kind: count.labels("state", kind).inc(), context.outages
        )
        self._transaction: Transaction = shared_transaction(
            context, settings.brokers, settings.settings, "state"
        )
        self._transaction.held = True
        self._transaction.producer.topics.add(settings.topic)
        self._tasks: dict[str, Manifest] = {}
        self._offsets = GroupOffsets(settings.brokers, settings.settings, context, self.errors)
        self._commit = GroupCommit(self._transaction, context)
        self._writer = CheckpointWriter(
            self._transaction, settings.topic, self._offsets, context.pipeline
        )
        self._partitions = 0
        self._check: StateTopicCheck | None = None
        self._reader: StateReader | None = None

    def load(self, task: str) -> StoredTask | None:
        """Restore a task; see `StateStore`."""
        self.prepare()
        if int(task) >= self._partitions:
            self._follow_source()
        return self.read_own(task, self._fence)

    def read_own(
        self, task: str, when_stuck: Callable[[str], bool] = lambda _task: False
    ) -> StoredTask | None:
        """Return what is stored of a task; see `read`.

        Raises:
            ConnectorError: another pipeline has stored it.
        """
        found = self.read(task, when_stuck)
        if found is not None:
            require_own(self._tasks[task], self._context, self._settings.topic)
        return found

    def read(
        self, task: str, when_stuck: Callable[[str], bool] = lambda _task: False
    ) -> StoredTask | None:
        """Return what is stored of a task, without owning it.

        Args:
            task: its name.
            when_stuck: called if a commit is pending for long; returns whether it was ended.
        """
        offset, known = self._known(task, when_stuck)
        partition = self._partition(task)
        start, number = known.get("at", 0), known.get("n")
        found = partition.newest(task, start, number, MARKER_SECONDS)
        if found is None and offset >= 0 and known:
            raise SnapshotError(f"{partition.name}: nothing is stored of partition {task}")
        if found is None:
            return None
        if known and found.position != offset:
            logger.warning(
                "partition %s: the group's offset is %d, but its state ends at %s: the "
                "state counts; to read again, reset the state as well",
                *(task, offset, found.position),
            )
        chunks = partition.chunks([each for of in found.blobs.values() for each in of])
        self._tasks[task] = found
        snapshot = {
            step: b"".join(chunks[chunk.key] for chunk in of) for step, of in found.blobs.items()
        }
        return StoredTask(
            task=task,
            number=found.number,
            position=found.position,
            snapshot=snapshot,
            snapshot_position=found.snapshot_position,
            snapshot_results=found.snapshot_results,
            journal=(),
            results=found.results,
            partitions=found.partitions,
            identity=found.identity,
            outputs=found.outputs,
        )

    def save(self, checkpoints: Sequence[Checkpoint], outputs: Mapping[str, Json]) -> None:
        """Store checkpoints with all that was written until then; see `StateStore`."""
        self.prepare()
        if self._check is not None:
            self._check.check()
        written: list[tuple[Manifest, int]] = []

        def write() -> list[TopicPartition]:
            nonlocal written
            written, offsets = self._writer.write(checkpoints, self._tasks, outputs)
            return offsets

        self._commit.commit(write)
        for manifest, chunks in written:
            self._tasks[manifest.task] = manifest
            logger.debug(
                "partition %s: checkpoint %d, %d chunks", manifest.task, manifest.number, chunks
            )

    def put(self, stored: StoredTask) -> list[TopicPartition]:
        """Write what another store gave, to be committed; return the offset for the group."""
        whole, since = stored.checkpoints()
        ((first, _),), _ = self._writer.write([whole], self._tasks, {})
        _, offsets = self._writer.write([since], {stored.task: first}, {})
        self._tasks.pop(stored.task, None)
        return offsets

    def holds(self, task: str) -> bool:
        """Whether anything is stored of a task, damaged or not."""
        partition = self._partition(task)
        return bool(partition.standing_keys())

    def remove(self, task: str) -> list[TopicPartition]:
        """Write that nothing is stored of a task, to be committed; return the group's offset."""
        offset, _ = self._known(task, lambda _task: False)
        partition = self._partition(task)
        with suppress(SnapshotError):
            # What is damaged may be removed.
            if (newest := partition.newest(task, 0, None, 0.0)) is not None:
                require_own(newest, self._context, self._settings.topic)
        for key in partition.standing_keys():
            self._writer.put(task, key, None)
        return [TopicPartition(self._offsets.topic, int(task), offset)] if offset >= 0 else []

    def commit_alone(self, offsets: Sequence[TopicPartition]) -> None:
        """Commit what was put or removed, for a group that has no members."""
        self._transaction.commit(offsets, self._offsets.metadata())

    def tasks(self) -> Sequence[str]:
        """Return the names of the tasks that this process has restored."""
        return sorted(self._tasks)

    def release(self, tasks: Sequence[str]) -> None:
        """Release tasks."""
        for task in tasks:
            self._tasks.pop(task, None)

    def close(self) -> None:
        """Release all resources; never raises."""
        self._transaction.abort()
        self._offsets.close()
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def prepare(self) -> None:
        """Make sure of the topic, and that this process may write; does nothing the next time."""
        if self._partitions:
            return
        others = self._context.shared["kafka.transactions"]
        if len(others) > 1 and self._context.exactly_once:
            raise ConnectorError(SAME_CLUSTER)
        partitions = self._prepare_topic()
        self._transaction.fence_previous()
        self._learn(partitions)
        chosen = self._settings
        admin = admin_client(chosen.brokers, chosen.settings, self.errors)
        self._check = StateTopicCheck(admin, chosen.topic)

    def _prepare_topic(self) -> int:
        """Make sure of the state topic, however long the brokers take; return its partitions."""
        chosen = self._settings
        return wait_for_topic(
            lambda: prepare_state_topic(
                chosen.brokers, chosen.settings, chosen.topic, self._offsets.topic, self.errors
            ),
            self._context,
            self.errors,
        )

    def _follow_source(self) -> None:
        """Give the state topic the partitions that the source has got meanwhile."""
        self._learn(self._prepare_topic())
        if self._reader is not None:
            # It does not know of them.
            self._reader.close()
        self._reader = None

    def _learn(self, partitions: int) -> None:
        self._transaction.producer.learn(self._settings.topic, partitions)
        self._partitions = partitions

    def _known(self, task: str, when_stuck: Callable[[str], bool]) -> tuple[int, dict[str, Any]]:
        """Return the group's offset of a partition, and what its metadata say of the checkpoint."""
        found = self._offsets.committed(task, when_stuck)
        known = read_note(getattr(found, "metadata", None))
        owner = known.pop("by", self._context.pipeline)
        if owner != self._context.pipeline:
            raise ConnectorError(
                f'the group "{self._offsets.group}" holds offsets of pipeline "{owner}", which '
                "belong to its state: give this pipeline another `source.kafka.group`"
            )
        return found.offset, known

    def _fence(self, task: str) -> bool:
        """End the transaction that a process has left open that is gone; return whether."""
        partition = self._partition(task)
        before = read_note(self._offsets.last_metadata(task))
        writer = partition.last_writer(task, before.get("at", 0))
        if not writer or writer == self._transaction.id:
            return False
        logger.warning(
            "partition %s: the transaction of %s was left open by a process that is gone: it is "
            "ended",
            *(task, writer),
        )
        self._transaction.fence([writer])
        return True

    def _partition(self, task: str) -> StatePartition:
        if self._reader is None:
            settings = self._offsets.connection()
            topic = self._settings.topic
            self._reader = StateReader(settings, topic, self.errors, self._context)
        return StatePartition(self._reader, int(task))

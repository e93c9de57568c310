"""The state store in Kafka: checkpoints in a compacted topic, one partition a source partition.

State, the group's offsets and, with exactly once, the outputs are in one transaction. Who takes a
partition over asks the group for its offset, in whose metadata stands which checkpoint belongs to
it, and where its manifest lies; the manifest says where the chunks of the snapshot lie. Two
generations of chunks stand in the topic, so that the older one is whole until the newer one is.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.kafka import manifest as manifests
from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.client import open_client
from connectors.kafka.manifest import Chunk, Manifest
from connectors.kafka.membership import MEMBERSHIP, SOURCE, GroupMembership
from connectors.kafka.settings import KafkaStateSettings, shared_settings
from connectors.kafka.state_partition import StatePartition, StateReader, manifest_key
from connectors.kafka.state_topic import prepare_state_topic
from connectors.kafka.transaction import GroupMovedError, Transaction, shared_transaction
from engine.domain.errors import ConnectorError, SnapshotError, TasksLostError
from pynomaly.plugins import Checkpoint, Json, RunContext, StoredTask

logger = logging.getLogger("pynomaly.kafka")

CHUNK_BYTES = 512 * 2**10
RECORD_ROOM_BYTES = 2_048
"""Bytes of a batch beside a chunk."""
PENDING_SECONDS = 3.0
"""A commit that is under way for longer was left behind by a process that is gone."""
MARKER_SECONDS, RETRY_SECONDS, LOOKUP_SECONDS = 60.0, 1.0, 10.0
GENERATION_SECONDS = 30.0
"""For so long a new generation of the group is waited for."""
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
        self._losses = 0
        self._opened = False
        self._committed: Consumer | None = None
        self._reader: StateReader | None = None

    def load(self, task: str) -> StoredTask | None:
        """Restore a task; see `StateStore`."""
        self.prepare()
        return self.read(task, self._fence)

    def read(
        self, task: str, when_stuck: Callable[[str], bool] = lambda _task: False
    ) -> StoredTask | None:
        """Return what is stored of a task, without owning it.

        Args:
            task: its name.
            when_stuck: called where a commit is pending for long; returns whether it was ended.
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
        membership = self._membership()
        self._raise_if_lost(membership)
        self._transaction.producer.while_waiting = lambda: self._raise_if_lost(membership)
        until = time.monotonic() + GENERATION_SECONDS
        while True:
            try:
                self._transaction.flush()
                written, offsets = self._write(checkpoints, outputs)
                self._transaction.commit(offsets, membership.metadata())
            except GroupMovedError as error:
                if error.brokers_away:
                    until = time.monotonic() + GENERATION_SECONDS
                self._rewind(membership, until, error)
            else:
                break
        for manifest, chunks in written:
            self._tasks[manifest.task] = manifest
            logger.debug(
                "partition %s: checkpoint %d, %d chunks", manifest.task, manifest.number, chunks
            )

    def put(self, stored: StoredTask) -> list[TopicPartition]:
        """Write what another store gave, to be committed; return the offset for the group."""
        whole, since = stored.checkpoints()
        ((first, _),), _ = self._write([whole], {})
        self._tasks[stored.task] = first
        _, offsets = self._write([since], {})
        del self._tasks[stored.task]
        return offsets

    def holds(self, task: str) -> bool:
        """Whether anything is stored of a task, damaged or not."""
        partition = self._partition(task)
        return bool(partition.standing_keys())

    def remove(self, task: str) -> list[TopicPartition]:
        """Write that nothing is stored of a task, to be committed; return the group's offset."""
        offset, _ = self._known(task, lambda _task: False)
        partition = self._partition(task)
        for key in partition.standing_keys():
            self._put(task, key, None)
        return [TopicPartition(self._source_topic(), int(task), offset)] if offset >= 0 else []

    def commit_alone(self, offsets: Sequence[TopicPartition]) -> None:
        """Commit what was put or removed, for a group that has no members."""
        self._transaction.commit(offsets, self._group_reader().consumer_group_metadata())

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
        if self._committed is not None:
            self._committed.close()
        if self._reader is not None:
            self._reader.close()
        self._committed = self._reader = None

    def prepare(self) -> None:
        """Make sure of the topic, and that this process may write; does nothing the next time."""
        if self._opened:
            return
        others = self._context.shared["kafka.transactions"]
        if len(others) > 1 and self._context.exactly_once:
            raise ConnectorError(SAME_CLUSTER)
        self._prepare_topic()
        self._transaction.fence_previous()
        self._opened = True

    def _prepare_topic(self) -> None:
        """Make sure of the state topic, however long the brokers take to answer."""
        chosen = self._settings
        while not self._context.draining.is_set():
            self._context.heartbeat.waiting()
            try:
                prepare_state_topic(
                    chosen.brokers, chosen.settings, chosen.topic, self._source_topic(), self.errors
                )
            except KafkaException as error:
                self.errors.report(error.args[0])
                self.errors.raise_if_fatal()
                self._context.draining.wait(RETRY_SECONDS)
            else:
                self.errors.recovered()
                return
        raise self._context.stopped("the brokers")

    def _write(
        self, checkpoints: Sequence[Checkpoint], outputs: Mapping[str, Json]
    ) -> tuple[list[tuple[Manifest, int]], list[TopicPartition]]:
        """Write chunks, then the manifests that name them; return these, and the offsets."""
        written = [(each, self._write_blobs(each)) for each in checkpoints]
        # Where the chunks lie is known when they have arrived.
        self._transaction.flush()
        found: list[tuple[Manifest, int]] = []
        lies: dict[str, int] = {}
        for checkpoint, pieces in written:
            manifest = self._manifest(checkpoint, outputs, pieces)
            value = manifests.encode(manifest)
            task = checkpoint.task
            self._put(task, manifest_key(task), value, lambda at, t=task: lies.__setitem__(t, at))
            earlier = self._tasks.get(task)
            for key in earlier.earlier if earlier is not None and pieces is not None else ():
                self._put(task, key.encode(), None)
            found.append((manifest, sum(map(len, pieces.values())) if pieces else 0))
        self._transaction.flush()
        topic, _ = self._source()
        offsets = [
            TopicPartition(
                topic,
                int(manifest.task),
                manifest.position,
                orjson.dumps({"n": manifest.number, "at": lies[manifest.task]}).decode(),
            )
            for manifest, _ in found
        ]
        return found, offsets

    def _write_blobs(self, checkpoint: Checkpoint) -> dict[str, list[Any]] | None:
        """Write a snapshot; return for each step its chunks, whose offsets come later."""
        if checkpoint.snapshot is None:
            return None
        generation = f"{self._number(checkpoint.task)}-{secrets.token_hex(2)}"
        limit = self._transaction.producer.limits.get(self._settings.topic, CHUNK_BYTES)
        size = max(1, min(CHUNK_BYTES, limit - RECORD_ROOM_BYTES))
        found: dict[str, list[Any]] = {}
        for step, blob in checkpoint.snapshot.items():
            found[step] = []
            view = memoryview(blob)
            for start in range(0, len(blob), size):
                piece = bytes(view[start : start + size])
                key = f"{checkpoint.task}/{generation}/{step}/{start // size}"
                entry = [key, -1, len(piece), manifests.digest(piece)]
                found[step].append(entry)
                self._put(
                    checkpoint.task,
                    key.encode(),
                    piece,
                    lambda at, e=entry: e.__setitem__(1, at),
                )
        return found

    def _manifest(
        self,
        checkpoint: Checkpoint,
        outputs: Mapping[str, Json],
        pieces: dict[str, list[Any]] | None,
    ) -> Manifest:
        earlier = self._tasks.get(checkpoint.task)
        blobs: Mapping[str, Sequence[Chunk]]
        if pieces is not None:
            blobs = {step: [Chunk(*entry) for entry in of] for step, of in pieces.items()}
            snapshot_position, snapshot_results = checkpoint.position, checkpoint.results
            chunks = earlier.blobs.values() if earlier is not None else ()
            before: Sequence[str] = [chunk.key for of in chunks for chunk in of]
        elif earlier is not None:
            blobs, before = earlier.blobs, earlier.earlier
            snapshot_position = earlier.snapshot_position
            snapshot_results = earlier.snapshot_results
        else:
            raise SnapshotError(f"partition {checkpoint.task}: its first checkpoint is not whole")
        return Manifest(
            task=checkpoint.task,
            number=self._number(checkpoint.task),
            position=checkpoint.position,
            snapshot_position=snapshot_position,
            snapshot_results=snapshot_results,
            results=checkpoint.results,
            partitions=checkpoint.partitions,
            identity=checkpoint.identity,
            outputs=outputs,
            blobs=blobs,
            earlier=before,
            writer=self._transaction.id,
        )

    def _number(self, task: str) -> int:
        earlier = self._tasks.get(task)
        return earlier.number + 1 if earlier is not None else 1

    def _put(self, task: str, key: bytes, value: bytes | None, arrived: Any = int) -> None:
        self._transaction.put(self._settings.topic, int(task), key, value, arrived)

    def _rewind(
        self,
        membership: GroupMembership,
        until: float,
        error: GroupMovedError,
    ) -> None:
        """Give the transaction up and wait for the group's new generation, if we are in it."""
        self._raise_if_lost(membership)
        if time.monotonic() > until:
            raise TasksLostError(f"the group does not take our checkpoint: {error}")
        why = "its broker went away" if error.brokers_away else "it has a new generation"
        logger.info("the group did not take a checkpoint (%s): it is written again", why)
        self._transaction.rewind()
        membership.wait_for_change(1.0)

    def _raise_if_lost(self, membership: GroupMembership) -> None:
        """Go back to the last checkpoint where partitions were taken from us without asking.

        What they had led to until then is among what this process is about to publish, and is
        published by whoever has them now.
        """
        if membership.losses != self._losses:
            raise TasksLostError(
                "the group has given partitions of this process to others: their unstored results "
                "are dropped here, and this process resumes from the last checkpoint"
            )

    def _known(self, task: str, when_stuck: Callable[[str], bool]) -> tuple[int, dict[str, int]]:
        """Return the group's offset of a partition, and what its metadata say of the checkpoint."""
        topic, _ = self._source()
        place = TopicPartition(topic, int(task))
        until = time.monotonic() + PENDING_SECONDS
        fenced = False
        while not self._context.draining.is_set():
            self._context.heartbeat.waiting()
            try:
                (found,) = self._group_reader().committed([place], timeout=1.0)
            except KafkaException as error:
                self.errors.report(error.args[0])
                self.errors.raise_if_fatal()
                if time.monotonic() > until and not fenced:
                    fenced = when_stuck(task)
                continue
            if found.error is not None:
                self.errors.report(found.error)
                continue
            self.errors.recovered()
            return found.offset, _metadata(getattr(found, "metadata", None))
        raise self._context.stopped("the brokers")

    def _fence(self, task: str) -> bool:
        """End the transaction that a process has left open that is gone; return whether."""
        partition = self._partition(task)
        writer = partition.last_writer(task, self._last_known(task))
        if not writer or writer == self._transaction.id:
            return False
        logger.warning(
            "partition %s: the transaction of %s was left open by a process that is gone: it is "
            "ended",
            *(task, writer),
        )
        self._transaction.fence([writer])
        return True

    def _group_reader(self) -> Consumer:
        if self._committed is None:
            # An offset whose transaction is still open is waited for.
            self._committed = self._member_of_nothing("read_committed")
        return self._committed

    def _member_of_nothing(self, isolation: str) -> Consumer:
        """Return a client that asks for the group's offsets, and never joins it."""
        _, group = self._source()
        return open_client(
            Consumer,
            {
                **self._connection(),
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": isolation,
                "error_cb": self.errors.report,
            },
            self.errors,
        )

    def _last_known(self, task: str) -> int:
        """Return where the manifest lies that was committed last, whatever is pending behind it."""
        place = TopicPartition(self._source_topic(), int(task))
        client = self._member_of_nothing("read_uncommitted")
        try:
            (found,) = client.committed([place], timeout=LOOKUP_SECONDS)
        except KafkaException as error:
            self.errors.report(error.args[0])
            return 0
        finally:
            client.close()
        return _metadata(getattr(found, "metadata", None)).get("at", 0)

    def _partition(self, task: str) -> StatePartition:
        _, group = self._source()
        if self._reader is None:
            settings = {**self._connection(), "group.id": group}
            topic = self._settings.topic
            self._reader = StateReader(settings, topic, self.errors, self._context)
        return StatePartition(self._reader, int(task))

    def _connection(self) -> dict[str, Any]:
        chosen = shared_settings(self._settings.settings)
        return {**chosen, "bootstrap.servers": self._settings.brokers}

    def _source(self) -> tuple[str, str]:
        found: tuple[str, str] | None = self._context.shared.get(SOURCE)
        if found is None:
            raise ConnectorError("state in Kafka needs a Kafka source: its group says who has what")
        return found

    def _source_topic(self) -> str:
        return self._source()[0]

    def _membership(self) -> GroupMembership:
        found: GroupMembership | None = self._context.shared.get(MEMBERSHIP)
        if found is None:
            raise ConnectorError("state in Kafka needs the membership of a Kafka source")
        return found


def _metadata(text: str | None) -> dict[str, int]:
    """Return what we wrote beside an offset; nothing where somebody else wrote it."""
    try:
        found = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {}
    is_ours = isinstance(found, dict) and all(isinstance(found.get(k), int) for k in ("n", "at"))
    return found if is_ours else {}

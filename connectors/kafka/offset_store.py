"""Positions alone, in the offsets of the group: for what has no state but its position.

They are committed in the transaction of what was written until then, so a message leads to its
records once, crashes or not. The metadata of an offset has the rest of a checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from confluent_kafka import TopicPartition

from connectors.kafka.broker_errors import BrokerErrors
from connectors.kafka.group_commit import GroupCommit
from connectors.kafka.group_offsets import GroupOffsets
from connectors.kafka.transaction import Transaction
from pynomaly.plugins import Checkpoint, Json, RunContext, StoredTask

logger = logging.getLogger("pynomaly.kafka")

METADATA_BYTES = 4_000
"""Of what brokers take beside an offset (offset.metadata.max.bytes is 4,096 by default)."""


class OffsetStore:
    """A process's side of the store.

    Args:
        transaction: of the process.
        brokers: bootstrap servers.
        settings: librdkafka's, of the pipeline file.
        context: of this process.
    """

    def __init__(
        self,
        transaction: Transaction,
        brokers: str,
        settings: Mapping[str, Any],
        context: RunContext,
    ) -> None:
        count = context.telemetry.sink_errors
        self.errors = BrokerErrors(
            "state", lambda kind: count.labels("state", kind).inc(), context.outages
        )
        self._transaction = transaction
        self._transaction.held = True
        self._offsets = GroupOffsets(brokers, settings, context, self.errors)
        self._commit = GroupCommit(transaction, context)
        self._tasks: set[str] = set()

    def load(self, task: str) -> StoredTask | None:
        """Take a task up; see `StateStore`."""
        self._transaction.fence_previous()
        self._tasks.add(task)
        found = self._offsets.committed(task)
        if found.offset < 0:
            return None
        metadata = _read_metadata(found.metadata)
        return StoredTask(
            task=task,
            number=1,
            position=found.offset,
            snapshot={},
            snapshot_position=found.offset,
            snapshot_results=0,
            journal=(),
            results=0,
            partitions=metadata.get("partitions", 1),
            identity=metadata.get("identity", {}),
            outputs=metadata.get("outputs", {}),
        )

    def save(self, checkpoints: Sequence[Checkpoint], outputs: Mapping[str, Json]) -> None:
        """Commit what was written with the positions that led to it; see `StateStore`."""
        offsets = [self._offset(checkpoint, outputs) for checkpoint in checkpoints]
        self._commit.commit(lambda: offsets)

    def tasks(self) -> Sequence[str]:
        """Return the names of the tasks that this process has taken up."""
        return sorted(self._tasks)

    def release(self, tasks: Sequence[str]) -> None:
        """Release tasks."""
        self._tasks.difference_update(tasks)

    def close(self) -> None:
        """Release all resources; never raises."""
        self._transaction.abort()
        self._offsets.close()

    def _offset(self, checkpoint: Checkpoint, outputs: Mapping[str, Json]) -> TopicPartition:
        metadata = {"partitions": checkpoint.partitions, "identity": checkpoint.identity}
        text = orjson.dumps({**metadata, "outputs": {k: v for k, v in outputs.items() if v}})
        if len(text) > METADATA_BYTES:
            # Without it, rejects that a crash repeats are seen twice, with equal ids.
            text = orjson.dumps(metadata)
        place = self._offsets.topic, int(checkpoint.task), checkpoint.position
        return TopicPartition(*place, text.decode())


def _read_metadata(text: str | None) -> dict[str, Any]:
    """Return the metadata of an offset; empty if another application committed it."""
    try:
        found = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return {}
    is_ours = isinstance(found, dict) and isinstance(found.get("identity"), dict)
    return found if is_ours else {}

"""Checkpoints as records of the state topic: chunks of snapshots, and manifests that name them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import TopicPartition

from connectors.kafka import manifest as manifests
from connectors.kafka.group_offsets import GroupOffsets
from connectors.kafka.manifest import Chunk, Manifest
from connectors.kafka.offset_note import note
from connectors.kafka.state_partition import manifest_key
from connectors.kafka.transaction import Transaction
from engine.domain.errors import SnapshotError
from pynomaly.plugins import Checkpoint, Json

CHUNK_BYTES = 512 * 2**10
RECORD_ROOM_BYTES = 2_048
"""Bytes of a batch beside a chunk."""


class CheckpointWriter:
    """Writes checkpoints, in a transaction that others commit.

    Args:
        transaction: that the records are written in.
        topic: of the state.
        offsets: of the group, which are stored with them.
        pipeline: whose they are.
    """

    def __init__(
        self, transaction: Transaction, topic: str, offsets: GroupOffsets, pipeline: str
    ) -> None:
        self._transaction = transaction
        self._topic = topic
        self._offsets = offsets
        self._pipeline = pipeline

    def write(
        self,
        checkpoints: Sequence[Checkpoint],
        earlier: Mapping[str, Manifest],
        outputs: Mapping[str, Json],
    ) -> tuple[list[tuple[Manifest, int]], list[TopicPartition]]:
        """Write chunks, then the manifests that name them, to be committed.

        Args:
            checkpoints: what is stored.
            earlier: the newest manifest of each task that has one.
            outputs: positions of the sinks.

        Returns:
            The manifests with the number of their chunks, and the offsets for the group.
        """
        last = [earlier.get(each.task) for each in checkpoints]
        written = [
            (each, before, self._write_blobs(each, _number(before)))
            for each, before in zip(checkpoints, last, strict=True)
        ]
        # Where the chunks lie is known when they have arrived.
        self._transaction.flush()
        found: list[tuple[Manifest, int]] = []
        lies: dict[str, int] = {}
        for checkpoint, before, pieces in written:
            manifest = self._manifest(checkpoint, before, outputs, pieces)
            value = manifests.encode(manifest)
            task = checkpoint.task
            self.put(task, manifest_key(task), value, lambda at, t=task: lies.__setitem__(t, at))
            for key in before.earlier if before is not None and pieces is not None else ():
                self.put(task, key.encode(), None)
            found.append((manifest, sum(map(len, pieces.values())) if pieces else 0))
        self._transaction.flush()
        offsets = [
            TopicPartition(
                self._offsets.topic,
                int(manifest.task),
                manifest.position,
                note(manifest.number, lies[manifest.task], self._pipeline),
            )
            for manifest, _ in found
        ]
        return found, offsets

    def put(self, task: str, key: bytes, value: bytes | None, arrived: Any = int) -> None:
        """Write a record of a task, to be committed; None removes the record of its key."""
        self._transaction.put(self._topic, int(task), key, value, arrived)

    def _write_blobs(self, checkpoint: Checkpoint, number: int) -> dict[str, list[Any]] | None:
        """Write a snapshot; return for each step its chunks, whose offsets come later."""
        if checkpoint.snapshot is None:
            return None
        generation = f"{number}-{secrets.token_hex(2)}"
        limit = self._transaction.producer.limits.get(self._topic, CHUNK_BYTES)
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
                self.put(
                    checkpoint.task,
                    key.encode(),
                    piece,
                    lambda at, e=entry: e.__setitem__(1, at),
                )
        return found

    def _manifest(
        self,
        checkpoint: Checkpoint,
        last: Manifest | None,
        outputs: Mapping[str, Json],
        pieces: dict[str, list[Any]] | None,
    ) -> Manifest:
        blobs: Mapping[str, Sequence[Chunk]]
        if pieces is not None:
            blobs = {step: [Chunk(*entry) for entry in of] for step, of in pieces.items()}
            snapshot_position, snapshot_results = checkpoint.position, checkpoint.results
            chunks = last.blobs.values() if last is not None else ()
            before: Sequence[str] = [chunk.key for of in chunks for chunk in of]
        elif last is not None:
            blobs, before = last.blobs, last.earlier
            snapshot_position = last.snapshot_position
            snapshot_results = last.snapshot_results
        else:
            raise SnapshotError(f"partition {checkpoint.task}: its first checkpoint is not whole")
        return Manifest(
            task=checkpoint.task,
            number=_number(last),
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


def _number(last: Manifest | None) -> int:
    """Return the number of the checkpoint that follows another one."""
    return last.number + 1 if last is not None else 1

"""A state store in memory: for runs that keep nothing, and for tests of restarts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from engine.application.state.store import Checkpoint, Json, StoredTask


class MemoryStore:
    """Keeps checkpoints as long as it lives.

    Attributes:
        kept: the last checkpoint of each task.
    """

    def __init__(self) -> None:
        self.kept: dict[str, StoredTask] = {}
        self._owned: set[str] = set()

    def tasks(self) -> Sequence[str]:
        """Return the names of all tasks of which anything is stored."""
        return sorted(self.kept)

    def load(self, task: str) -> StoredTask | None:
        """Restore a task; see `StateStore`."""
        self._owned.add(task)
        return self.kept.get(task)

    def save(self, checkpoints: Sequence[Checkpoint], outputs: Mapping[str, Json]) -> None:
        """Store checkpoints; see `StateStore`."""
        plain = orjson.loads(orjson.dumps(outputs))
        for checkpoint in checkpoints:
            self.kept[checkpoint.task] = _stored(checkpoint, self.kept.get(checkpoint.task))
        for task in self._owned & self.kept.keys():
            self.kept[task] = replace(self.kept[task], outputs=plain)

    def release(self, tasks: Sequence[str]) -> None:
        """Release tasks; see `StateStore`."""
        self._owned -= set(tasks)

    def close(self) -> None:
        """Release all resources."""
        self._owned.clear()


def _stored(checkpoint: Checkpoint, before: StoredTask | None) -> StoredTask:
    snapshot, position, digest = checkpoint.snapshot, checkpoint.position, checkpoint.results
    journal = [] if checkpoint.journal is None else [checkpoint.journal]
    if snapshot is None:
        assert before is not None, "the first checkpoint of a task is whole"
        snapshot, position = before.snapshot, before.snapshot_position
        digest = before.snapshot_results
        journal = [*before.journal, *journal]
    else:
        journal = []
    return StoredTask(
        task=checkpoint.task,
        number=before.number + 1 if before else 1,
        position=checkpoint.position,
        snapshot=dict(snapshot),
        snapshot_position=position,
        snapshot_results=digest,
        journal=journal,
        results=checkpoint.results,
        partitions=checkpoint.partitions,
        identity=checkpoint.identity,
        outputs={},
    )

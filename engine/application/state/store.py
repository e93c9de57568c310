"""The state store: where the checkpoints of tasks live.

A task is a partition of the source with everything learned from it. A process owns tasks, and
stores them together: what belongs to one checkpoint becomes visible at once, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

Json = Any
"""What orjson writes and reads back as it was: numbers, strings, lists, dictionaries, None."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is to be stored of one task.

    Attributes:
        task: name of the task: the source's name of its partition.
        position: where the source goes on, as the source says it.
        snapshot: the whole state at this position, a blob for each step by its name; None if
            the one stored before still counts.
        journal: the events since the checkpoint before, for a source that cannot be read again;
            None if there are none. A snapshot voids the journal before it.
        results: rolling digest of all results so far, to be the same after a replay.
        partitions: partitions of the source that the task shares budgets with.
        identity: what the state was made by: pipeline, source, detectors.
    """

    task: str
    position: Json
    snapshot: Mapping[str, bytes] | None
    journal: bytes | None
    results: int
    partitions: int
    identity: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredTask:
    """What was stored of a task last.

    Attributes:
        task, position, results, partitions, identity: as in the checkpoint.
        number: of the checkpoint, counted from 1.
        snapshot: the newest whole state, a blob for each step.
        snapshot_position, snapshot_results: the position and the digest that it belongs to.
        journal: events since then, in their order; empty if the source is read again.
        outputs: for each sink, the position of its output at the checkpoint, as the sink says it.
    """

    task: str
    number: int
    position: Json
    snapshot: Mapping[str, bytes]
    snapshot_position: Json
    snapshot_results: int
    journal: Sequence[bytes]
    results: int
    partitions: int
    identity: Mapping[str, Json]
    outputs: Mapping[str, Json]

    def checkpoints(self) -> tuple[Checkpoint, Checkpoint]:
        """Return what stores it afresh, without its journal: its whole state, then its position."""
        whole = Checkpoint(
            task=self.task,
            position=self.snapshot_position,
            snapshot=self.snapshot,
            journal=None,
            results=self.snapshot_results,
            partitions=self.partitions,
            identity=self.identity,
        )
        since = replace(whole, position=self.position, results=self.results, snapshot=None)
        return whole, since


class StateStore(Protocol):
    """A process's side of the store.

    All methods are called from the thread of the dataflow. They may wait, and must report it to
    the heartbeat (`RunContext.heartbeat.wait`).
    """

    def load(self, task: str) -> StoredTask | None:
        """Restore a task, to be its only owner from now on; None if nothing is stored of it.

        Raises:
            SnapshotError: something stored is missing, damaged, or of a newer program; its name
                and the cure are in the text.
            PynomalyError: another process owns the task, and does not release it.
        """
        ...

    def save(self, checkpoints: Sequence[Checkpoint], outputs: Mapping[str, Json]) -> None:
        """Store checkpoints of this process's tasks, all of them or none; durable on return.

        Called when all results of the tasks until then have been written to the sinks. If sinks and
        store share a transaction, they become visible with it.

        Args:
            checkpoints: of the tasks that have changed.
            outputs: for each sink, the present position of its output, for all tasks.

        Raises:
            RetryableError: it failed in a way that a restart cures; nothing was stored, or all.
            PynomalyError: another process has taken over: this one is fenced.
        """
        ...

    def tasks(self) -> Sequence[str]:
        """Return the names of all tasks of which anything is stored."""
        ...

    def release(self, tasks: Sequence[str]) -> None:
        """Release tasks, whose last checkpoints are stored: others may take them over."""
        ...

    def close(self) -> None:
        """Release all resources; never raises."""
        ...


@runtime_checkable
class KeepingStore(StateStore, Protocol):
    """A store that keeps earlier checkpoints."""

    def earlier(self, task: str) -> Iterator[Mapping[str, bytes]]:
        """Yield the whole states of a task that are kept, the newest first."""
        ...


class StoredState(Protocol):
    """All that a store plug-in has stored of a pipeline, as commands see it while nothing runs."""

    def tasks(self) -> Sequence[str]:
        """Return the names of the tasks of which something may be stored."""
        ...

    def load(self, task: str) -> StoredTask | None:
        """Return what is stored of a task, without owning it.

        Raises:
            SnapshotError: something stored is missing, damaged, or of a newer program.
        """
        ...

    def require_stopped(self) -> None:
        """Require that the pipeline does not run.

        Raises:
            FatalError: it does.
        """
        ...

    def fill(self, tasks: Iterable[StoredTask]) -> None:
        """Store tasks, all or none.

        Raises:
            FatalError: something is stored already, or the pipeline runs.
        """
        ...

    def clear(self) -> None:
        """Remove all that is stored.

        Raises:
            FatalError: the pipeline runs.
        """
        ...

    def close(self) -> None:
        """Release all resources; never raises."""
        ...

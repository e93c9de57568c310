"""The reader of a task: first the replay up to its last checkpoint, then new messages."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from engine.application.dataflow import journal
from engine.application.dataflow.task import Live, Task
from engine.application.state.store import StoredTask
from engine.application.telemetry.metrics import Telemetry
from engine.domain.batch import RawBatch
from engine.domain.errors import OffsetLostError

logger = logging.getLogger("pynomaly.tasks")

Source = FixedPartitionedSource[RawBatch, Any]

RETAIN = "Set the topic's retention above state.snapshot_interval"
REPLICATE = (
    "Give the topic several replicas, min.insync.replicas of two or more, and "
    "unclean.leader.election.enable=false"
)


class TaskReader:
    """Reads one partition.

    Args:
        source: of the pipeline.
        task: its name.
        stored: its last checkpoint; None for a new task.
        keep: whether what is read must be kept, because the source does not give it again.
        telemetry: metrics of this process.

    Attributes:
        task: as given.
        ended: whether the partition has come to its end.
        changed: whether anything was read since the last checkpoint.
        read_at: when something was read last, or it began, on the monotonic clock.
    """

    def __init__(
        self,
        source: Source,
        task: Task,
        stored: StoredTask | None,
        telemetry: Telemetry,
        *,
        keep: bool,
    ) -> None:
        self.task = task
        self.ended = False
        self.changed = stored is None
        self.read_at = time.monotonic()
        self._telemetry = telemetry
        self._keep = keep
        self._kept: list[RawBatch] = []
        self.kept_bytes = 0
        self._stored = stored
        self._expected = stored.results if stored is not None else None
        self._journal = deque(stored.journal if stored else ())
        self._rest: list[RawBatch] = []
        task.live = stored is None or stored.snapshot_position == stored.position
        self._part = self._open(source, stored)
        task.position = self._part.snapshot()

    def read(self) -> list[RawBatch | Live]:
        """Return what has come, perhaps nothing; before what is new it says so once."""
        if self._rest:
            return [*self._read_rest()]
        if self.task.live:
            return [*self._read()]
        found: list[RawBatch | Live] = []
        assert self._stored is not None
        if self._journal:
            found.append(journal.decode(self._journal.popleft()))
        elif not self._stored.journal:
            return self._read_again(self._stored)
        if not self._journal:
            found.append(self._live())
        return found

    def take_journal(self) -> bytes | None:
        """Return what was read since the last call, if it has to be kept."""
        kept, self._kept = self._kept, []
        return journal.encode(kept) if kept else None

    def stored(self, *, whole: bool) -> None:
        """Called after a checkpoint was stored."""
        self.changed = False
        if whole:
            self.kept_bytes = 0

    def close(self) -> None:
        """Close the partition."""
        self._part.close()

    def _open(
        self, source: Source, stored: StoredTask | None
    ) -> StatefulSourcePartition[RawBatch, Any]:
        name = self.task.name
        if stored is None or stored.journal or self.task.live:
            return source.build_part("source", name, stored.position if stored else None)
        try:
            part = source.build_part("source", name, stored.snapshot_position)
        except OffsetLostError as error:
            # Where it goes on may still be there: better than not to go on.
            part = source.build_part("source", name, stored.position)
            self._report_gap(str(error))
            self._skip_replay(stored)
            return part
        first, wanted = part.snapshot(), stored.snapshot_position
        if first != wanted:
            self._report_gap(f"it begins at {first}, not at {wanted}")
            self._expected = None
            if not wanted < first < stored.position:
                # Another topic, or nothing left to replay: what comes is new.
                self._skip_replay(stored)
        return part

    def _report_gap(self, why: str, cure: str = RETAIN) -> None:
        logger.error(
            "partition %s: the source no longer has all messages since the last snapshot (%s): "
            "models continue without them, and results may differ from those of a run without a "
            "restart. %s",
            *(self.task.name, why, cure),
        )
        self._telemetry.replay_differences.inc()

    def _skip_replay(self, stored: StoredTask) -> None:
        self.task.live, self.task.results = True, stored.results

    def _read(self) -> list[RawBatch]:
        batches = self._next()
        for batch in batches:
            self._count_batch(batch)
        return batches

    def _next(self) -> list[RawBatch]:
        try:
            batches = [batch for batch in self._part.next_batch() if len(batch)]
        except StopIteration:
            self.ended = True
            return []
        self.task.position = self._part.snapshot()
        return batches

    def _count_batch(self, batch: RawBatch) -> None:
        size = _size(batch.values)
        self._telemetry.events.inc(len(batch))
        self._telemetry.bytes.inc(size)
        self.changed = True
        self.task.epoch = batch.epoch
        self.read_at = time.monotonic()
        if self._keep:
            self._kept.append(batch)
            self.kept_bytes += size

    def _read_again(self, stored: StoredTask) -> list[RawBatch | Live]:
        found: list[RawBatch | Live] = []
        batches = self._next()
        for batch in batches:
            if self._rest:
                self._rest.append(batch)
                continue
            if self.task.live:
                found.append(batch)
                self._count_batch(batch)
                continue
            known = self._known(batch, stored)
            if known:
                found.append(batch.take(slice(0, known)))
            if known < len(batch):
                found.append(self._live())
                rest = batch.take(slice(known, len(batch)))
                if not self._waits(rest, stored):
                    found.append(rest)
                    self._count_batch(rest)
        if not self.task.live and self.task.position >= stored.position:
            found.append(self._live())
        return found

    def _waits(self, rest: RawBatch, stored: StoredTask) -> bool:
        """Keep new messages for the next turn: control records hold before the first of them.

        Those that stand where others were lost do not wait: no position lies before them that a
        checkpoint may have.
        """
        if rest.offsets[0] < stored.position:
            return False
        self._rest.append(rest)
        self.task.position = stored.position
        return True

    def _read_rest(self) -> list[RawBatch]:
        batches, self._rest = self._rest, []
        for batch in batches:
            self._count_batch(batch)
        self.task.position = self._part.snapshot()
        return batches

    def _known(self, batch: RawBatch, stored: StoredTask) -> int:
        """Return how many messages at the front of a batch were read before the checkpoint."""
        read = self.task.epoch
        if read is None or batch.epoch is None or batch.epoch <= read:
            return int(np.searchsorted(batch.offsets, stored.position))
        # A later leader has written where messages stood that were read: they are lost.
        first = int(batch.offsets[0])
        if first < stored.position:
            self._report_gap(
                f"its brokers lost those from offset {first} on, and have written others there: "
                "these are new",
                REPLICATE,
            )
            self._expected = None
        return 0

    def _live(self) -> Live:
        self.task.live = True
        return Live(self.task, self._expected)


def _size(payloads: Sequence[bytes | None]) -> int:
    """Return the bytes of all payloads; a tombstone has none."""
    try:
        return sum(map(len, payloads))  # type: ignore[arg-type]
    except TypeError:
        return sum(map(len, filter(None, payloads)))

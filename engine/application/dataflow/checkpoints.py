"""Checkpoints: when they are due, what they store of a task, and what follows when complete."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from engine.application.dataflow.delivery import Delivery
from engine.application.dataflow.reader import TaskReader
from engine.application.dataflow.task import Mark, Task
from engine.application.dataflow.tasks import EPOCH, ORIGIN, Tasks
from engine.application.live_control.task_control import STATE as CONTROL
from engine.application.ports import RunContext
from engine.application.state.store import Checkpoint, Json
from engine.domain.errors import StateWriteError

logger = logging.getLogger("pynomaly.checkpoint")

SMALL_BYTES = 2**16
"""A state up to this size is stored whole each time."""
REPLAY_PER_DUMP, MIN_REPLAY_PER_DUMP = 50.0, 20.0
"""State is stored whole once processing the events since took this many times as long as storing:
so storing takes a fiftieth of the time, and a resumed run replays no more than that. Where the
replay would exceed REPLAY_SECONDS, state is stored more often, in up to a twentieth of the time."""
REPLAY_SECONDS = 30.0
"""Longest replay after a crash, of all tasks of a pipeline together."""
JOURNAL_SHARE = 0.5
"""Messages are kept while they take up less than this share of the state they lead to."""

IDLE_SECONDS = 60.0
"""Longest time between checkpoints while nothing is read."""


class Checkpoints:
    """Stores all tasks of a process together, behind what they have read.

    Args:
        tasks: of this process.
        delivery: to the sinks.
        identity: of the pipeline, stored with each task.
        context: of this process.

    Attributes:
        on_release: called with the names of tasks that are released.
    """

    def __init__(
        self,
        tasks: Tasks,
        delivery: Delivery,
        identity: Mapping[str, Json],
        context: RunContext,
    ) -> None:
        self._tasks = tasks
        self._delivery = delivery
        self.on_release: Callable[[Sequence[str]], None] = lambda _names: None
        self._identity = identity
        self._context = context
        self._every = context.checkpoint_interval.total_seconds()
        self._due = time.monotonic() + self._every
        self._waiting: dict[TaskReader, Mark] = {}
        self._arrived: set[Mark] = set()
        self._turn = False
        self._began = self._cpu_began = 0.0
        self._reported: dict[str, Json] = {}

    @property
    def on_the_way(self) -> bool:
        """Whether something that was read has not left the flow."""
        return self._turn or bool(self._waiting)

    def due(self) -> bool:
        """Whether it is time, and there is something to store.

        The positions of the outputs are stored periodically in any case: others may write there.
        """
        late = time.monotonic() - self._due
        changed = any(reader.changed for reader in self._tasks.readers.values())
        return late >= 0 and (changed or late >= IDLE_SECONDS)

    def turn_begins(self) -> None:
        """Called when something was read."""
        self._turn = True

    def turn_ended(self) -> None:
        """Called when what was read has left the flow."""
        self._turn = False

    def start(
        self, *, last: Collection[str] = (), whole: Collection[str] = (), final: bool = False
    ) -> list[tuple[str, Mark]]:
        """Return the marks of a checkpoint of all tasks.

        It covers all tasks, even if only some are released: what they have written since the last
        one may be in one transaction.

        Args:
            last: names of the tasks that are released then.
            whole: names of the tasks that are stored whole in any case.
            final: whether the run ends then.
        """
        self._began, self._cpu_began = time.perf_counter(), time.process_time()
        readers = self._tasks.all()
        old = self._old(readers)
        for reader in readers:
            mark = Mark(reader.task, last=reader.task.name in last)
            asked = reader.task.name in whole
            reader.changed |= asked
            if reader.changed:
                final_one = asked or mark.last or final
                mark.whole = reader in old or self._worth(reader, final=final_one)
                kept = reader.take_journal()
                mark.journal = None if mark.whole else kept
            if mark.whole:
                reader.task.dump_seconds, reader.task.size = 0.0, 0
                if reader.task.control.count:
                    mark.state[CONTROL] = reader.task.control.dump()
            self._waiting[reader] = mark
        if not readers:
            self._store()
        return [(mark.task.name, mark) for mark in self._waiting.values()]

    def arrived(self, mark: Mark) -> None:
        """Called when a mark has passed all steps; stores the checkpoint after the last one."""
        self._arrived.add(mark)
        if len(self._arrived) == len(self._waiting):
            self._store()

    def _old(self, readers: Collection[TaskReader]) -> set[TaskReader]:
        """Return the tasks whose complete state is oldest, as many as are due in turn.

        They do not all become old at once, because the stream waits while they are stored.
        """
        interval = self._context.snapshot_interval.total_seconds()
        before = time.monotonic() - interval
        old = [each for each in readers if each.changed and each.task.stored_at < before]
        turns = max(1.0, interval / max(self._every, 1e-3) / 2)
        most = math.ceil(len(readers) / turns)
        return set(sorted(old, key=lambda each: each.task.stored_at)[:most])

    def _worth(self, reader: TaskReader, *, final: bool) -> bool:
        task = reader.task
        if final or not task.snapshots or task.size <= SMALL_BYTES:
            return True
        if reader.kept_bytes > JOURNAL_SHARE * task.size:
            return True
        longest = REPLAY_PER_DUMP * task.dump_seconds
        shortest = MIN_REPLAY_PER_DUMP * task.dump_seconds
        return task.seconds > max(shortest, min(longest, REPLAY_SECONDS / task.partitions))

    def _store(self) -> None:
        waiting, self._waiting, self._arrived = self._waiting, {}, set()
        changed = {reader: mark for reader, mark in waiting.items() if reader.changed}
        checkpoints = [self._checkpoint(mark) for mark in changed.values()]
        outputs = self._delivery.outputs()
        try:
            self._tasks.store.save(checkpoints, outputs)
        except StateWriteError:
            self._context.heartbeat.not_stored()
            raise
        self._report_positions(waiting)
        for reader, mark in changed.items():
            reader.stored(whole=mark.whole)
            if mark.whole:
                reader.task.snapshots, reader.task.seconds = True, 0.0
                reader.task.stored_at = time.monotonic()
        if released := [reader for reader, mark in waiting.items() if mark.last]:
            names = self._tasks.release(released)
            for name in names:
                self._reported.pop(name, None)
            self.on_release(names)
        self._report(checkpoints)

    def _report_positions(self, readers: Iterable[TaskReader]) -> None:
        """Report stored positions; one may have passed what is not a message."""
        tasks = [reader.task for reader in readers if reader.task.live]
        moved = {
            task.name: task.position
            for task in tasks
            if self._reported.get(task.name) != task.position
        }
        if moved:
            self._tasks.plugin.stored(moved)
            self._reported |= moved

    def _checkpoint(self, mark: Mark) -> Checkpoint:
        task: Task = mark.task
        read = {} if task.epoch is None else {EPOCH: task.epoch}
        return Checkpoint(
            task=task.name,
            position=task.position,
            snapshot=mark.state if mark.whole else None,
            journal=mark.journal,
            results=task.results,
            partitions=task.partitions,
            identity={**self._identity, ORIGIN: self._tasks.origin, **read},
        )

    def _report(self, checkpoints: Sequence[Checkpoint]) -> None:
        telemetry = self._context.telemetry
        sizes: dict[str, int] = {}
        for checkpoint in checkpoints:
            for step, blob in (checkpoint.snapshot or {}).items():
                sizes[step] = sizes.get(step, 0) + len(blob)
            if checkpoint.journal is not None:
                sizes["journal"] = sizes.get("journal", 0) + len(checkpoint.journal)
            logger.debug("checkpoint: %s is at %s", checkpoint.task, checkpoint.position)
        for step, size in sizes.items():
            telemetry.checkpoint_bytes.labels(step).set(size)
        telemetry.checkpoint_seconds.observe(time.perf_counter() - self._began)
        telemetry.checkpoint_cpu.inc(time.process_time() - self._cpu_began)
        telemetry.checkpoints.inc()
        self._context.heartbeat.stored()
        self._due = time.monotonic() + self._every

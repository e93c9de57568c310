"""The source of a process: all its tasks' partitions, read in turn, with checkpoints in between.

It also sets the pace: a batch leaves the flow before more is read. Bytewax runs every step once a
turn and asks the source each turn: without this rule as many small batches as there are steps would
be in the flow at once, and each would wait for the others at every step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from math import inf

from bytewax.inputs import AbortExecution, DynamicSource, StatelessSourcePartition

from engine.application.dataflow.checkpoints import Checkpoints
from engine.application.dataflow.failure import Failure
from engine.application.dataflow.live_tasks import LiveTasks
from engine.application.dataflow.membership import Membership
from engine.application.dataflow.task import TURN_KEY, Control, Quiet, Signal, TurnEnd
from engine.application.dataflow.tasks import Tasks
from engine.application.live_control.follower import ControlFollower
from engine.application.ports import RunContext
from engine.domain.batch import RawBatch
from engine.domain.errors import TasksLostError

Item = tuple[str, "RawBatch | Signal"]
"""What the source emits: the key of a task, and a batch of it or a signal."""

IDLE_SECONDS = 0.003
"""Wait after a turn without messages: short compared with the latency that users see."""
QUIET_SECONDS = 1.0
"""Time between two signals that nothing has come."""
MOST_EVENTS = 65_536
"""Messages after which no further partition is read in the same turn."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Asks Bytewax for the next turn at once: pauses are made here."""


class TaskSource(DynamicSource[Item]):
    """The Bytewax source: one part, since Bytewax runs one worker in each process."""

    def __init__(self, make: Callable[[], SourceTurns]) -> None:
        self._make = make

    def build(self, step_id: str, worker_index: int, worker_count: int) -> SourcePart:
        """Return what reads."""
        return SourcePart(self._make())


class SourcePart(StatelessSourcePartition[Item]):
    """The part, as Bytewax drives it."""

    def __init__(self, turns: SourceTurns) -> None:
        self._turns = turns

    def next_batch(self) -> list[Item]:
        """Return the next items of the flow."""
        failure = self._turns.failure
        found: list[Item] = []
        with failure.noted():
            found = self._turns.next()
        if failure.error is not None:
            raise AbortExecution
        return found

    def next_awake(self) -> datetime:
        """Ask for the next turn at once."""
        return LONG_AGO

    def close(self) -> None:
        """Release all partitions."""
        self._turns.close()


class SourceTurns:
    """Decides what each turn of the source is for.

    Args:
        tasks: tasks of this process.
        membership: makes the membership in the first turn.
        checkpoints: decides when they are due.
        context: context of this process.
        failure: stops the flow from another thread.
        control: follows the control log; None if there is none.
        live: answers questions about the tasks; None if nobody asks.
    """

    def __init__(
        self,
        tasks: Tasks,
        membership: Callable[[], Membership],
        checkpoints: Checkpoints,
        context: RunContext,
        failure: Failure,
        control: ControlFollower | None = None,
        live: LiveTasks | None = None,
    ) -> None:
        self.failure = failure
        self._tasks = tasks
        self._make_membership = membership
        self._membership: Membership | None = None
        self._checkpoints = checkpoints
        self._context = context
        self._control = control
        self._live = live
        self._next_reader = 0
        self._last: bool = False
        self._quiet_sent = time.monotonic()

    def next(self) -> list[Item]:
        """Return the items of the next turn; none while earlier ones are on their way.

        Raises:
            StopIteration: all is read and stored.
        """
        if self._membership is None:
            self._context.heartbeat.idle()
            if self._control is not None:
                self._control.start()
            self._membership = self._make_membership()
            self._checkpoints.on_release = self._membership.released
        if self._live is not None:
            # The steps run in this thread: none of them is in the midst of a batch.
            self._live.answer()
        if self._checkpoints.on_the_way:
            self._context.heartbeat.busy()
            return []
        if self._last:
            raise StopIteration
        return self._turn(self._membership)

    def close(self) -> None:
        """Release all partitions and the membership; never raises."""
        with self.failure.noted():
            self._tasks.close()
        if self._control is not None:
            self._control.close()
        if self._membership is not None:
            self._membership.close()

    def _turn(self, membership: Membership) -> list[Item]:
        owned = membership.owned()
        if lost := membership.lost() & self._tasks.readers.keys():
            raise TasksLostError(
                f"partitions {', '.join(sorted(lost))} were given to others while this process "
                "stood still, or are gone: what was not stored is left to them, and we begin again"
            )
        if gone := self._tasks.readers.keys() - owned:
            return [*self._checkpoints.start(last=gone)]
        draining = self._context.draining.is_set()
        if draining and not self._tasks.opened:
            raise StopIteration
        new = [] if draining else [name for name in owned if name not in self._tasks.readers]
        if new or not self._tasks.opened:
            begun = self._tasks.open(sorted(new))
            self._context.heartbeat.progress()
            return [*begun, *self._checkpoints.start()]
        if draining or (membership.fixed and self._tasks.ended()):
            self._last = True
            end = [] if draining else self._quiet(ended=True)
            if end:
                # The steps publish it once: their state has to be stored.
                for reader in self._tasks.all():
                    reader.changed = True
            # All tasks are released, so that other processes need not wait for the end of this one.
            return [*end, *self._checkpoints.start(last=self._tasks.readers.keys(), final=True)]
        return self._go_on()

    def _go_on(self) -> list[Item]:
        """Apply control records, store a checkpoint, or read."""
        if changes := self._changes():
            names = [name for name, _ in changes]
            return [*changes, *self._checkpoints.start(whole=names)]
        if self._checkpoints.due():
            return [*self._checkpoints.start()]
        return self._read()

    def _changes(self) -> list[tuple[str, Control]]:
        """Return the control records that come into force now, after what was read.

        A checkpoint is made right behind them: what is processed again begins after it.
        """
        if self._control is None:
            return []
        self._control.look()
        found: list[tuple[str, Control]] = []
        for task in (reader.task for reader in self._tasks.all() if reader.task.live):
            taken = self._control.take(task.name, task.control, task.position)
            if taken is not None:
                task.control, change = taken
                earlier = partial(self._tasks.earlier, task.name)
                found.append((task.name, Control(task, change, earlier)))
        return found

    def _quiet(self, *, ended: bool = False) -> list[Item]:
        """Return marks that say how long a task has received nothing; at the end, forever."""
        now = time.monotonic()
        if not ended and now - self._quiet_sent < QUIET_SECONDS:
            return []
        self._quiet_sent = now
        waits = {reader: inf if ended else now - reader.read_at for reader in self._tasks.all()}
        return [
            (reader.task.name, Quiet(reader.task, seconds))
            for reader, seconds in waits.items()
            if seconds >= QUIET_SECONDS and reader.task.live
        ]

    def _read(self) -> list[Item]:
        self._context.heartbeat.progress()
        found: list[Item] = []
        count = 0
        readers = list(self._tasks.readers.values())
        for _ in readers:
            reader = readers[self._next_reader % len(readers)]
            self._next_reader += 1
            for item in reader.read():
                found.append((reader.task.name, item))
                count += len(item) if isinstance(item, RawBatch) else 0
            if count >= MOST_EVENTS:
                break
        if not found:
            if not (self._tasks.readers and self._tasks.ended()):
                time.sleep(IDLE_SECONDS)
            found = self._quiet()
        if not found:
            return []
        self._checkpoints.turn_begins()
        return [*found, (TURN_KEY, TurnEnd())]

"""A task in the dataflow, and the signals that follow its batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from engine.application.live_control.task_control import TaskControl
from engine.application.state.store import Json
from engine.domain.control_change import ControlChange


@dataclass(eq=False, slots=True)
class Task:
    """A partition of the source with everything learned from it.

    Attributes:
        name: the source's name of the partition.
        partitions: number of the source's partitions, which share the pipeline's budgets.
        state: what the steps restore, by their names; each takes its part out.
        position: position of the source after the last message that was read.
        results: rolling digest of all results so far.
        live: whether events come for the first time; until then they lead from the last whole
            snapshot to the last checkpoint, and nothing of them is delivered.
        snapshots: whether a whole snapshot was stored.
        stored_at: time of it on the monotonic clock, as far as it is known.
        seconds: working time of the steps since it.
        dump_seconds: time that the steps took for it.
        size: its size in bytes.
        control: the control records in force.
        epoch: of the leader that took the last message that was read; None if it is unknown.
    """

    name: str
    partitions: int
    state: Mapping[str, bytes] = field(default_factory=dict)
    position: Json = None
    results: int = 0
    live: bool = True
    snapshots: bool = False
    stored_at: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    dump_seconds: float = 0.0
    size: int = 0
    control: TaskControl = field(default_factory=TaskControl)
    epoch: int | None = None


@dataclass(eq=False, slots=True)
class Begin:
    """Comes before the first batch of a task: the steps restore its state."""

    task: Task


@dataclass(eq=False, slots=True)
class Live:
    """Comes before the first batch that was not processed before."""

    task: Task
    expected: int | None
    """The digest of the results up to here, as it was stored; None if the replay has gaps."""


@dataclass(frozen=True, slots=True)
class Control:
    """Comes before the first event for which a change of control holds; a whole mark follows."""

    task: Task
    change: ControlChange
    earlier: Callable[[], Iterable[Mapping[str, bytes]]] = tuple
    """Returns the whole states of the task that are kept, the newest first."""


@dataclass(eq=False, slots=True)
class Mark:
    """A checkpoint comes behind the last batch that belongs to it, and gathers the steps' state.

    Attributes:
        task: the task.
        whole: whether the steps put their state into it.
        last: whether the task is released after it.
        journal: the events since the checkpoint before, if the source does not keep it.
        state: state of each step, by name.
    """

    task: Task
    whole: bool = False
    last: bool = False
    journal: bytes | None = None
    state: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Is sent periodically while the source is idle."""

    task: Task
    seconds: float
    """By the wall clock without any event; infinite at the end of the source."""


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """Comes behind all that was read at once: when it arrives, more may be read."""


Signal = Begin | Control | Live | Mark | Quiet | TurnEnd
TURN_KEY = "~"
"""Key of what belongs to no task; names of tasks are sorted before it."""

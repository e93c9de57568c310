"""The tasks of a process: restored from the state store, and released."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.application.dataflow.delivery import Delivery
from engine.application.dataflow.reader import Source, TaskReader
from engine.application.dataflow.task import Begin, Task
from engine.application.live_control.task_control import STATE as CONTROL
from engine.application.live_control.task_control import load_control
from engine.application.ports import RunContext, SourcePlugin
from engine.application.state.store import Json, KeepingStore, StateStore, StoredTask

logger = logging.getLogger("pynomaly.tasks")

ORIGIN = "origin"
"""Name of the identity of the source in stored state."""
EPOCH = "epoch"
"""Name of the leader's epoch of the last message in stored state."""

Meet = Callable[[Mapping[str, Json]], list[str]]
"""Compares the identity of stored state with this pipeline; returns what changed, or raises."""


class Tasks:
    """The tasks that this process has now.

    Args:
        plugin: plug-in of the source.
        source: Bytewax source that the plug-in returned.
        store: stores checkpoints.
        delivery: delivers to the sinks; opened with the first tasks.
        meet: compares stored state with this pipeline.
        context: context of this process.
        keep: whether messages must be kept, because the source does not return them again.

    Attributes:
        plugin, store: as given.
        readers: of each task, by its name.
        opened: whether the first tasks were restored.
        origin: identity of the source, by which the plug-in recognises it.
    """

    def __init__(
        self,
        plugin: SourcePlugin,
        source: Source,
        store: StateStore,
        delivery: Delivery,
        meet: Meet,
        context: RunContext,
        *,
        keep: bool,
    ) -> None:
        self.readers: dict[str, TaskReader] = {}
        self.opened = False
        self.origin: Json = None
        self.plugin = plugin
        self.store = store
        self._source = source
        self._delivery = delivery
        self._meet = meet
        self._context = context
        self._keep = keep
        self._reported: set[str] = set()

    def open(self, names: Iterable[str]) -> list[tuple[str, Begin]]:
        """Add tasks; return the signals that begin them."""
        partitions = len(self._source.list_parts())
        stored = {name: self._load(name) for name in names}
        if not self.opened:
            self.origin = _of_plugin(self.plugin, "identity", dict)()
            self._delivery.open([each.outputs for each in stored.values() if each])
            self.opened = True
        return [(name, self._begin_task(name, each, partitions)) for name, each in stored.items()]

    def all(self) -> list[TaskReader]:
        """Return the readers of all tasks."""
        return list(self.readers.values())

    def ended(self) -> bool:
        """Whether all partitions have come to their end."""
        return all(reader.ended for reader in self.readers.values())

    def release(self, readers: Iterable[TaskReader]) -> list[str]:
        """Release tasks, whose state is stored; return their names."""
        names = [reader.task.name for reader in readers]
        for name in names:
            self.readers.pop(name).close()
        self._delivery.release(names)
        self.store.release(names)
        return names

    def close(self) -> None:
        """Release all tasks and the store."""
        for reader in self.readers.values():
            reader.close()
        self.readers = {}
        self.store.close()

    def earlier(self, name: str) -> Iterable[Mapping[str, bytes]]:
        """Return the whole states of a task that the store has kept, the newest first."""
        return self.store.earlier(name) if isinstance(self.store, KeepingStore) else ()

    def _load(self, name: str) -> StoredTask | None:
        waiting = f"partition {name}"
        self._context.outages[waiting] = "state is being restored"
        stored = self.store.load(name)
        del self._context.outages[waiting]
        if stored is not None:
            for change in self._meet(stored.identity):
                if change not in self._reported:
                    logger.warning("state: %s", change)
                self._reported.add(change)
        return stored

    def _begin_task(self, name: str, stored: StoredTask | None, partitions: int) -> Begin:
        task = Task(name, partitions)
        if stored is not None:
            task.state = stored.snapshot
            task.control = load_control(stored.snapshot.get(CONTROL))
            task.snapshots = True
            task.results = stored.snapshot_results
            # It is older than this run; how much is unknown.
            task.stored_at -= self._context.snapshot_interval.total_seconds() / 2
            if stored.partitions != partitions:
                logger.warning(
                    "partition %s: the source has %d partitions now, %d before: its share of "
                    "budgets and memory follows from here",
                    *(name, partitions, stored.partitions),
                )
            recognise = _of_plugin(self.plugin, "recognise", lambda _stored: True)
            if recognise(stored.identity.get(ORIGIN) or {}):
                self._resume_behind(task, stored)
            else:
                # Another topic of that name: what was learned is kept, the position is void.
                stored = None
        reader = TaskReader(self._source, task, stored, self._context.telemetry, keep=self._keep)
        self.readers[name] = reader
        logger.debug("partition %s resumes at %s", name, task.position)
        return Begin(task)

    def _resume_behind(self, task: Task, stored: StoredTask) -> None:
        """Have the source check that its last message is still the one that was read last.

        Where messages are replayed, the replay shows it.
        """
        task.epoch = stored.identity.get(EPOCH)
        if task.epoch is not None and stored.snapshot_position == stored.position:
            _of_plugin(self.plugin, "resume_behind", lambda *_: None)(task.name, task.epoch)


def _of_plugin(
    plugin: SourcePlugin, name: str, otherwise: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a method that a source plug-in may have, or its substitute."""
    found: Callable[..., Any] = getattr(plugin, name, otherwise)
    return found

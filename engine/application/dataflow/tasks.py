"""The tasks of a process: taken up from the state store, and let go again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from engine.application.dataflow.delivery import Delivery
from engine.application.dataflow.reader import Source, TaskReader
from engine.application.dataflow.task import Begin, Task
from engine.application.ports import RunContext
from engine.application.state.store import Json, StateStore, StoredTask

logger = logging.getLogger("pynomaly.tasks")

Meet = Callable[[Mapping[str, Json]], list[str]]
"""Compares what stored state was made by with this pipeline; says what changed, or refuses."""


class Tasks:
    """The tasks that this process has now.

    Args of its constructor: source; store; delivery, opened with the first tasks; meet; context;
    keep, whether the source does not give again what was read.

    Attributes:
        readers: of each task, by its name.
        opened: whether the first tasks were taken up.
    """

    def __init__(
        self,
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
        self.store = store
        self._source = source
        self._delivery = delivery
        self._meet = meet
        self._context = context
        self._keep = keep
        self._told: set[str] = set()

    def open(self, names: Iterable[str]) -> list[tuple[str, Begin]]:
        """Take up tasks; return the signals that begin them."""
        stored = {name: self._load(name) for name in names}
        if not self.opened:
            self._delivery.open([each.outputs for each in stored.values() if each])
            self.opened = True
        partitions = len(self._source.list_parts())
        return [(name, self._begin(name, each, partitions)) for name, each in stored.items()]

    def all(self) -> list[TaskReader]:
        """Return the readers of all tasks."""
        return list(self.readers.values())

    def some(self, names: Iterable[str]) -> list[TaskReader]:
        """Return the readers of some tasks."""
        return [self.readers[name] for name in names]

    def ended(self) -> bool:
        """Whether all partitions have come to their end."""
        return all(reader.ended for reader in self.readers.values())

    def release(self, readers: Iterable[TaskReader]) -> list[str]:
        """Let go of tasks, whose state is stored; return their names."""
        names = [reader.task.name for reader in readers]
        for name in names:
            self.readers.pop(name).close()
        self.store.release(names)
        return names

    def forget(self, names: Iterable[str]) -> None:
        """Let go of tasks that were taken away."""
        self.release([self.readers[name] for name in names if name in self.readers])

    def close(self) -> None:
        """Let go of all tasks and of the store."""
        for reader in self.readers.values():
            reader.close()
        self.readers = {}
        self.store.close()

    def _load(self, name: str) -> StoredTask | None:
        waiting = f"partition {name}"
        self._context.outages[waiting] = "being taken up"
        stored = self.store.load(name)
        del self._context.outages[waiting]
        if stored is not None:
            for change in self._meet(stored.identity):
                if change not in self._told:
                    logger.warning("state: %s", change)
                self._told.add(change)
        return stored

    def _begin(self, name: str, stored: StoredTask | None, partitions: int) -> Begin:
        task = Task(name, partitions)
        if stored is not None:
            task.state = stored.snapshot
            task.snapshots = True
            task.results = stored.snapshot_results
            if stored.partitions != partitions:
                logger.warning(
                    "partition %s: the source has %d partitions now, %d before: its share of "
                    "budgets and memory follows from here",
                    *(name, partitions, stored.partitions),
                )
        reader = TaskReader(self._source, task, stored, self._context.telemetry, keep=self._keep)
        self.readers[name] = reader
        logger.debug("partition %s is taken up at %s", name, task.position)
        return Begin(task)

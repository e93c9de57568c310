"""detect: every event is scored by the state before it, then learned, a task at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf

import numpy as np

from engine.domain.batch import EventBatch, ScoredBatch
from engine.domain.control_change import ControlChange
from engine.domain.entity_report import EntityReport, RarestEvents
from engine.domain.pipeline import Pipeline
from operators.detect.entity_group import EntityGroup
from operators.detect.event_order import EventOrder
from operators.detect.memory_share import entity_capacity
from operators.detect.shared_keys import SharedKeys
from pynomaly.plugins import MakeTaskStep, RunContext, Telemetry

BATCH_EVENTS = 16_384
"""Events between two signs of life: a slow detector behind a flood is not a process that hangs."""


def detect_step(pipeline: Pipeline, context: RunContext) -> MakeTaskStep:
    """Return what makes the step of one task."""
    _load_code(pipeline)
    shared = SharedKeys(context.telemetry)

    def make(partitions: int) -> DetectStep:
        return DetectStep(replace(pipeline, partitions=partitions), context, shared)

    return make


def _load_code(pipeline: Pipeline) -> None:
    """Score an event of no entity: otherwise the first real ones would wait for the compiler."""
    rows = np.zeros(1, np.int64)
    values = np.zeros((1, len(pipeline.mapping.values)))
    nobody = np.array([""], object)
    event = EventBatch("", nobody, rows, values, rows.astype(np.int32), rows, rows)
    EntityGroup(replace(pipeline, memory_bytes=0)).score(event)


class DetectStep:
    """The entities of one task."""

    def __init__(self, pipeline: Pipeline, context: RunContext, shared: SharedKeys) -> None:
        self._group = EntityGroup(pipeline)
        ordered = pipeline.mapping.order == "event_time"
        self._order = EventOrder(pipeline, entity_capacity(pipeline)) if ordered else None
        self._heartbeat = context.heartbeat
        self._shared = shared
        shared.join(self._group)

    def process(self, batches: list[EventBatch]) -> list[ScoredBatch]:
        """Score all batches, a few thousand events at once."""
        scored: list[ScoredBatch] = []
        for some in _some(batches):
            self._heartbeat.busy()
            events = EventBatch.concatenate(some)
            scored += self._score([events] if self._order is None else self._order.put(events))
        return scored

    def quiet(self, seconds: float) -> list[ScoredBatch]:
        """Score what waits for its turn, once the source has ended; a silence is not an end."""
        if self._order is None or seconds < inf:
            return []
        return self._score(self._order.end())

    def _score(self, batches: list[EventBatch]) -> list[ScoredBatch]:
        scored = [one for events in batches for one in self._group.score(events)]
        self._shared.look(self._group)
        return scored

    def control(self, change: ControlChange) -> None:
        """Follow the control log from the next event on."""
        self._group.control(change)

    def entities(self) -> list[str]:
        """Return the keys of all entities."""
        return self._group.keys()

    def report(self, entity: str) -> EntityReport | None:
        """Return what is known of an entity, and learn nothing; None if it is unknown."""
        return self._group.report(entity)

    def rarest(self) -> RarestEvents:
        """Return how rare the rarest event of each entity was."""
        return self._group.rarest()

    def waiting(self, entity: str) -> int:
        """Return how many events of an entity wait for their turn."""
        return 0 if self._order is None else self._order.waiting(entity)

    def dump(self) -> bytes:
        """Return the whole state as versioned bytes."""
        if self._order is None:
            return self._group.dump()
        waiting = self._order.dump()
        return self._group.dump({f"order/{name}": part for name, part in waiting.items()})

    def restore(self, blob: bytes) -> None:
        """Restore what `dump` returned, as far as the pipeline is still the same.

        Raises:
            SnapshotError: it is corrupt, or does not fit into the memory budget.
        """
        is_same = self._group.restore(blob)
        # Where the mapping is another one, what waits is read otherwise.
        if self._order is not None and is_same:
            self._order.restore(blob)

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on, beginning with the entities there are."""
        self._group.report_to(telemetry)
        if self._order is not None:
            self._order.report_to(telemetry)

    def leave(self) -> None:
        """Take the entities off the metrics."""
        self._shared.leave(self._group)
        self._group.leave()
        if self._order is not None:
            self._order.leave()


def _some(batches: list[EventBatch]) -> Iterator[list[EventBatch]]:
    """Yield all batches in order, joined to at least BATCH_EVENTS events."""
    some: list[EventBatch] = []
    count = 0
    for batch in batches:
        some.append(batch)
        count += len(batch)
        if count >= BATCH_EVENTS:
            yield some
            some, count = [], 0
    if some:
        yield some

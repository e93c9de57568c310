"""The order of events: `event.order: event_time` puts those of each entity in order.

An event waits until its entity has sent one that is later by the lateness, or until event time in
the task has come on by so much since. So no clock of one entity moves another's events, and one
that is alone in its wrong time does not move those of its own entity. What comes after a later
event has gone on is late: it goes on at once, is scored, and nothing is learned from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain import snapshot
from engine.domain.batch import EventBatch, Int32s, Int64s
from engine.domain.detector import State
from engine.domain.pipeline import Pipeline
from operators.detect.entity_table import KEY_BYTES, EntityTable
from operators.detect.entity_times import RECORD as TIMES_RECORD
from operators.detect.event_clock import EventClock
from operators.detect.ordering import LINKS, RECORD, TASK, flush, order, requeue
from operators.detect.waiting_events import WaitingEvents
from operators.kernels.record_bank import RecordBank
from pynomaly.plugins import Telemetry, no_telemetry

BYTES_PER_ENTITY = KEY_BYTES + TIMES_RECORD.itemsize + RECORD.itemsize
"""Memory that an entity is counted with, beside its events that wait."""
SHARE = 1 / 8
"""Part of the memory budget for events that wait."""


def event_bytes(pipeline: Pipeline) -> int:
    """Return the memory that an event that waits is counted with: half of its room may be empty."""
    columns = 4 * 8 + 3 * 4 + 8 * len(pipeline.mapping.values)
    return 2 * (columns + LINKS.itemsize)


class EventOrder:
    """Puts the events of one task in order.

    Args:
        pipeline: all settings of the steps.
        capacity: entities that are known at once.
    """

    def __init__(self, pipeline: Pipeline, capacity: int) -> None:
        budget = pipeline.memory_bytes // pipeline.partitions
        self._lateness = pipeline.mapping.lateness or 0
        self._stamped = pipeline.stamped
        self._event_bytes = event_bytes(pipeline)
        self._most = max(1, int(SHARE * budget) // self._event_bytes)
        self._table = EntityTable(capacity)
        self._records = RecordBank(capacity, RECORD)
        self._task = RecordBank(1, TASK)
        self._clock = EventClock()
        self._store = WaitingEvents()
        self._telemetry = no_telemetry()
        self._counted = 0

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on."""
        self._telemetry = telemetry
        self._counted = 0
        self._count()

    def leave(self) -> None:
        """Take the events that wait off the metrics."""
        self._telemetry.waiting_events.dec(self._counted)
        self._telemetry.state_bytes.dec(self._counted * self._event_bytes)
        self.report_to(no_telemetry())

    def put(self, events: EventBatch) -> list[EventBatch]:
        """Take events as they come; return those whose turn it is, in their order."""
        found: list[EventBatch] = []
        for segment in self._table.segments(events.keys):
            if len(segment.evicted):
                found += self._flush(segment.evicted)
            if len(segment.started):
                self._table.forget(segment.started)
                self._records.reset(segment.started)
            part = events.take(segment.rows)
            stamps = part.timestamps if self._stamped else None
            progress = self._clock.observe(segment.slots, part.times, stamps).whole
            first = self._store.append(part, segment.slots)
            clock = self._table.move_clock(len(part))
            places = np.arange(first, first + len(part))
            given = (self._table.records, places, progress, clock, self._lateness, self._most)
            out, forced = order(*self._state(), *given)
            self._telemetry.order_forced.inc(forced)
            found += self._release(out)
        self._count()
        return found

    def waiting(self, entity: str) -> int:
        """Return how many events of an entity wait for their turn."""
        slot = self._table.slots.get(entity)
        return 0 if slot is None else int(self._records.records["waiting"][slot])

    def end(self) -> list[EventBatch]:
        """Return all that waits, in its order: the source has ended."""
        found = self._flush(self._table.used())
        self._count()
        return found

    def dump(self) -> State:
        """Return the state, with the events that wait."""
        used = self._table.used()
        parts: State = {f"table/{name}": part for name, part in self._table.dump().items()}
        parts |= {f"clock/{name}": part for name, part in self._clock.dump(used).items()}
        parts["records"] = self._records.records[used]
        return parts | self._store.dump(used)

    def restore(self, blob: bytes) -> None:
        """Restore what `dump` returned, out of the state of the entities.

        Raises:
            SnapshotError: it does not fit.
        """
        state = snapshot.under("order", snapshot.decode("detect", blob))
        if not state:
            # It was made in the order of arrival.
            return
        self._table.load(snapshot.under("table", state))
        self._clock.load(snapshot.under("clock", state))
        self._records.load({"state": np.asarray(state["records"])})
        self._store.load(state)
        requeue(*self._state(), self._store.used)

    @property
    def _waiting(self) -> int:
        return int(self._task.records["waiting"][0])

    def _state(self) -> tuple[Any, Any, Any]:
        return self._task.records, self._records.records, self._store.links

    def _flush(self, slots: Int32s) -> list[EventBatch]:
        """Return all that waits of some entities."""
        chosen = np.zeros(self._table.capacity, np.bool_)
        chosen[slots] = True
        table = self._table.records
        given = (table, chosen, self._store.used, self._lateness)
        return self._release(flush(*self._state(), *given))

    def _release(self, out: Int64s) -> list[EventBatch]:
        """Return the events of some places in the store, and forget them."""
        found = self._store.take(out)
        if self._store.compact(self._waiting):
            requeue(*self._state(), self._store.used)
        return [] if found is None else [found]

    def _count(self) -> None:
        more = self._waiting - self._counted
        self._telemetry.waiting_events.inc(more)
        self._telemetry.state_bytes.inc(more * self._event_bytes)
        self._counted += more

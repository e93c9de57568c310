"""The entities of a task, and the scoring of their events."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from engine.domain.absence import Absence
from engine.domain.batch import Bools, EventBatch, Floats, Int32s, ScoredBatch
from engine.domain.control_change import ControlChange, Reset
from engine.domain.detector import State
from engine.domain.entity_report import EntityReport, RarestEvents
from engine.domain.pipeline import Pipeline
from operators.detect.entity_inspector import EntityInspector
from operators.detect.entity_metrics import EntityMetrics
from operators.detect.entity_parts import EntityParts
from operators.detect.entity_snapshot import EntitySnapshot, StoredEntities
from operators.detect.entity_table import Segment
from operators.detect.entity_times import paces_of
from operators.detect.event_clock import Progress
from operators.detect.forget_period import forget_period
from operators.detect.idle import Gone
from operators.detect.memory_share import entity_bytes, entity_capacity
from operators.detect.scorer import ScoredColumns, Scorer
from operators.silences import Silences, fits
from pynomaly.plugins import Telemetry

logger = logging.getLogger("pynomaly.detect")


class EntityGroup:
    """The entities of one task. It reports nothing until `report_to` names a telemetry.

    Args:
        pipeline: all settings of the steps.
        capacity: number of entities; None: as many as fit into the memory of a task.
    """

    def __init__(self, pipeline: Pipeline, capacity: int | None = None) -> None:
        self._pipeline = pipeline
        self._entity_bytes = entity_bytes(pipeline)
        self._parts = EntityParts(pipeline, capacity or entity_capacity(pipeline))
        self._scorer = Scorer(pipeline, self._parts)
        self._metrics = EntityMetrics(pipeline, self._parts, self._entity_bytes)
        self._snapshot = EntitySnapshot(pipeline, self._parts)
        self._silences = Silences(pipeline.silences)
        self._evicted = 0

    @property
    def size(self) -> int:
        """Bytes of the state, as the memory budget counts them."""
        return len(self._parts.table) * self._entity_bytes

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on, beginning with the entities there are."""
        self._metrics.report_to(telemetry)
        self._metrics.count_evicted(self._evicted)
        self._evicted = 0

    def leave(self) -> None:
        """Take the entities off the metrics: others report them from now on."""
        self._metrics.leave()

    def pop_new_keys(self) -> list[str]:
        """Return the keys that have come since the last call."""
        return self._parts.table.pop_new_keys()

    def __contains__(self, key: str) -> bool:
        return key in self._parts.table

    def keys(self) -> list[str]:
        """Return the keys of all entities."""
        return self._parts.table.keys()

    def report(self, key: str) -> EntityReport | None:
        """Return what is known of an entity, and learn nothing; None if it is unknown."""
        return EntityInspector(
            self._pipeline, self._parts, self._scorer, self._entity_bytes
        ).report(key)

    def rarest(self) -> RarestEvents:
        """Return how rare the rarest event of each entity was."""
        table = self._parts.table
        slots, task_rate = table.used(), table.task_rate
        newest, rates = paces_of(table.records[slots])
        least = self._parts.nearness.least(slots, newest)
        return RarestEvents(table.keys(), least, rates, newest, task_rate)

    def control(self, change: ControlChange) -> None:
        """Follow the control log from the next event on."""
        self._silences = Silences(change.silences_with(self._pipeline.silences))
        self._parts.follow(change)
        for reset in change.resets:
            self._reset(reset)
        for forget in change.forgets:
            forget_period(forget, self._pipeline, self._parts, change.earlier())
        if change.resets or change.forgets:
            self._metrics.count_entities()

    def _reset(self, reset: Reset) -> None:
        """Let the models of entities start afresh; the entities stay."""
        slots = self._parts.table.slots
        chosen = [slot for key, slot in slots.items() if fits(key, reset.entities)]
        self._parts.reset_models(np.array(sorted(chosen), np.int32))
        if chosen:
            logger.info("reset of %s: %d start afresh", ", ".join(reset.entities), len(chosen))

    def score(self, events: EventBatch) -> list[ScoredBatch]:
        """Score and learn events, in their order."""
        scored: list[ScoredBatch] = []
        for segment in self._parts.table.segments(events.keys):
            scored += self._score_segment(_part(events, segment.rows), segment)
        self._metrics.count_scored(scored)
        return scored

    def _score_segment(self, events: EventBatch, segment: Segment) -> Iterator[ScoredBatch]:
        """Score a segment, in parts where entities are forgotten within it."""
        if len(segment.started):
            self._parts.start_entities(segment.started, segment.evicted)
            self._metrics.count_evicted(len(segment.evicted))
        slots, before = segment.slots, self._parts.clock.busy
        stamps = events.timestamps if self._pipeline.stamped else None
        progress = self._parts.clock.observe(slots, events.times, stamps)
        idle = self._parts.idle
        gone = [] if idle is None else idle.observe(slots, progress.busy, before)
        edges = [0, *(each.row for each in gone), len(events)]
        over: list[Absence] = []
        for k, (start, stop) in enumerate(pairwise(edges)):
            rows = slice(start, stop)
            if k:
                over = self._forget(gone[k - 1], slots[start:], int(events.partitions[0]))
            if start < stop:
                yield self._score(_part(events, rows), slots[rows], progress.take(rows), over)

    def _forget(self, gone: Gone, next_slots: Int32s, partition: int) -> list[Absence]:
        """Forget idle entities; return the absences that end with that."""
        returning = np.intersect1d(gone.slots, next_slots)
        keys = self._parts.table.release(gone.slots, returning)
        absence = self._parts.absence
        over = [] if absence is None else absence.end(gone, keys, partition)
        self._parts.forget_idle(gone.slots)
        self._metrics.count_forgotten(len(gone.slots))
        return over

    def _score(
        self, events: EventBatch, slots: Int32s, progress: Progress, over: list[Absence]
    ) -> ScoredBatch:
        parts, times = self._parts, events.times
        rates, totals, late = parts.table.observe(slots, times, self._pipeline.mapping.lateness)
        if events.late is not None:
            late |= events.late
        learn = self._learned(events, late)
        if parts.counters is not None:
            per_second = parts.counters.rates(slots, events.values, times, learn)
            events = replace(events, values=per_second)
        centers, scales, filled = parts.profile.observe(slots, events.values, learn)
        found = self._scorer.score(slots, events.values, filled, scales, learn, times)
        parts.warm[slots[~np.isnan(found.p_value)]] = True
        parts.nearness.observe(slots, times, found.p_value)
        return ScoredBatch(
            events,
            centers,
            scales,
            found.scores,
            found.p_values,
            found.p_value,
            rates,
            late,
            found.weights,
            totals,
            found.explanations,
            progress.whole,
            [*over, *self._absences(slots, events, progress, totals)],
            self._contexts(slots, events, late, found),
        )

    def _learned(self, events: EventBatch, late: Bools) -> Bools:
        """Return which events are learned: those that are not late, nor in some silences."""
        unlearned = self._silences.unlearned(events)
        return ~late if unlearned is None else ~late & ~unlearned

    def _contexts(
        self, slots: Int32s, events: EventBatch, late: Bools, found: ScoredColumns
    ) -> dict[int, Floats]:
        """Return the values before each event that may become an anomaly."""
        context = self._parts.context
        if context is None:
            return {}
        return context.observe(slots, events, late, found.p_value, found.scores)

    def _absences(
        self, slots: Int32s, events: EventBatch, progress: Progress, totals: Floats
    ) -> Sequence[Absence]:
        """Return who has stopped sending, and who is back."""
        absence = self._parts.absence
        if absence is None:
            return ()
        return absence.observe(slots, events, progress, totals, self._parts.table.slots)

    def dump(self, beside: State | None = None) -> bytes:
        """Return the whole state as versioned bytes.

        Args:
            beside: what is stored in it by others.
        """
        return self._snapshot.encode(beside)

    def restore(self, blob: bytes) -> bool:
        """Restore what `dump` wrote, as far as the pipeline is still the same; else return False.

        Another key or other values: nothing. A detector that is new, or has other parameters: it
        starts afresh, and the others go on.

        Of more entities than fit, those idle longest are evicted.

        Raises:
            SnapshotError: it is corrupt.
        """
        stored = self._snapshot.decode(blob)
        if stored is None:
            return False
        if stored.entities > self._parts.table.capacity:
            return self.restore(self._shrunk(blob, stored))
        self._snapshot.load(stored)
        return True

    def _shrunk(self, blob: bytes, stored: StoredEntities) -> bytes:
        """Return a state without the entities idle longest, which are too many now."""
        wide = EntityGroup(self._pipeline, stored.entities)
        wide.restore(blob)
        capacity = self._parts.table.capacity
        gone = wide._parts.table.shrink_to(capacity)
        # Nobody counts yet: state is restored first.
        self._evicted += gone
        logger.warning(
            "%s entities idle longest are evicted: %s of a partition are stored, and its share of "
            "state.memory_limit (%d partitions now, %d before) holds %s of %s bytes each",
            *(f"{gone:,}", f"{stored.entities:,}", self._pipeline.partitions, stored.partitions),
            *(f"{capacity:,}", f"{self._entity_bytes:,}"),
        )
        return wide.dump()


def _part(events: EventBatch, rows: slice) -> EventBatch:
    return events if rows == slice(0, len(events)) else events.take(rows)

"""detect: every event is scored by the state before it, then learned, one key group at a time."""

from __future__ import annotations

import time

import numpy as np
from bytewax.operators import StatefulBatchLogic

from engine.application.ports import Detect, RunContext
from engine.application.telemetry import Telemetry
from engine.domain import snapshot
from engine.domain.batch import Bools, EventBatch, Floats, Int32s, ScoredBatch
from engine.domain.detector import Bank, Detector, State
from engine.domain.errors import SnapshotError
from engine.domain.pipeline import Pipeline
from operators.calibrators.peaks_over_threshold import PeaksOverThreshold
from operators.combine import combine
from operators.entities import KEY_BYTES, RECORD, EntityTable, Segment
from operators.profile import ProfileBank

Keeper = Bank | PeaksOverThreshold | ProfileBank


def detect_step(pipeline: Pipeline, context: RunContext) -> Detect:
    """Return what builds the logic of one key group, afresh or from its snapshot."""

    def build(stored: bytes | None) -> DetectLogic:
        group = KeyGroup(pipeline, context.telemetry)
        if stored is not None:
            group.restore(stored)
        return DetectLogic(group, context.telemetry)

    return build


class DetectLogic(StatefulBatchLogic[EventBatch, ScoredBatch, bytes]):
    """Bytewax's side of a key group."""

    def __init__(self, group: KeyGroup, telemetry: Telemetry) -> None:
        self._group = group
        self._telemetry = telemetry
        self._stored = 0

    def on_batch(self, values: list[EventBatch]) -> tuple[list[ScoredBatch], bool]:
        """Score all batches of this activation as one."""
        return self._group.score(EventBatch.concatenate(values)), self.RETAIN

    def snapshot(self) -> bytes:
        """Return the key group's state as versioned bytes."""
        began = time.perf_counter()
        blob = self._group.dump()
        self._telemetry.checkpoint_seconds.observe(time.perf_counter() - began)
        self._telemetry.checkpoint_bytes.labels("detect").inc(len(blob) - self._stored)
        self._stored = len(blob)
        return blob


class KeyGroup:
    """The entities of one key group: their table, profile, detectors and calibrators."""

    def __init__(self, pipeline: Pipeline, telemetry: Telemetry) -> None:
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._entity_bytes = entity_bytes(pipeline)
        budget = pipeline.memory_bytes // pipeline.key_groups
        capacity = max(1, budget // self._entity_bytes)
        d = len(pipeline.mapping.values)
        self._table = EntityTable(capacity)
        self._profile = ProfileBank(capacity, d)
        self._banks = [detector.bank(capacity) for detector in pipeline.detectors]
        self._calibrators = [
            PeaksOverThreshold(capacity, pipeline.calibration, detector.resolution)
            for detector in pipeline.detectors
        ]
        self._warm = np.zeros(capacity, np.bool_)
        self._counted = (0, 0)

    def score(self, events: EventBatch) -> list[ScoredBatch]:
        """Score and learn events, in their order."""
        scored = [
            self._score(_part(events, segment.rows), segment)
            for segment in self._table.segments(events.keys)
        ]
        self._count(scored)
        return scored

    def _score(self, events: EventBatch, segment: Segment) -> ScoredBatch:
        slots = segment.slots
        if len(segment.started):
            self._begin(segment)
        rates, late = self._table.observe(slots, events.times, self._pipeline.mapping.lateness)
        learn = ~late
        centers, scales, filled = self._profile.observe(slots, events.values, learn)
        scores, p_values = self._detect(slots, events.values, filled, learn)
        p_value = combine(p_values, self._pipeline.combine)
        self._warm[slots[~np.isnan(p_value)]] = True
        return ScoredBatch(events, centers, scales, scores, p_values, p_value, rates, late)

    def _begin(self, segment: Segment) -> None:
        self._table.forget(segment.started)
        for keeper in self._keepers().values():
            keeper.reset(segment.started)
        self._warm[segment.evicted] = False
        self._telemetry.evictions.inc(len(segment.evicted))

    def _detect(
        self, slots: Int32s, values: Floats, filled: Floats, learn: Bools
    ) -> tuple[Floats, Floats]:
        shape = (len(slots), len(self._banks))
        scores, p_values = np.empty(shape), np.empty(shape)
        silent = np.isnan(values).all(axis=1)
        for k, (detector, bank) in enumerate(
            zip(self._pipeline.detectors, self._banks, strict=True)
        ):
            given = values if detector.handles_gaps else filled
            raw = bank.score(slots, given, learn & ~silent)
            raw[silent] = np.nan
            scores[:, k] = raw
            p_values[:, k] = self._calibrators[k].p_values(slots, raw, learn)
            self._report(detector, bank)
        return scores, p_values

    def _report(self, detector: Detector, bank: Bank) -> None:
        for kind, count in bank.failures().items():
            if kind == "refits":
                self._telemetry.refits.labels(detector.name).inc(count)
            else:
                self._telemetry.detector_failures.labels(detector.name, kind).inc(count)

    def _count(self, scored: list[ScoredBatch]) -> None:
        telemetry = self._telemetry
        for batch in scored:
            warming = int(np.isnan(batch.p_value).sum())
            telemetry.warming.inc(warming)
            telemetry.scored.inc(len(batch) - warming)
            telemetry.late.inc(int(batch.late.sum()))
        self._count_entities()

    def _count_entities(self) -> None:
        """Move the gauges by what has changed: they sum over the key groups of a process."""
        entities = len(self._table)
        cold = entities - int(np.count_nonzero(self._warm))
        if self._counted == (entities, cold):
            return
        self._telemetry.entities.inc(entities - self._counted[0])
        self._telemetry.state_bytes.inc((entities - self._counted[0]) * self._entity_bytes)
        self._telemetry.warming_entities.inc(cold - self._counted[1])
        self._counted = (entities, cold)

    def _keepers(self) -> dict[str, Keeper]:
        """Return all that holds state by slot, under its name in the snapshot."""
        keepers: dict[str, Keeper] = {"profile": self._profile}
        for k, detector in enumerate(self._pipeline.detectors):
            keepers[f"{k}.{detector.name}"] = self._banks[k]
            keepers[f"{k}.{detector.name}.calibration"] = self._calibrators[k]
        return keepers

    def dump(self) -> bytes:
        """Return the whole state as versioned bytes."""
        used = self._table.used()
        parts: State = {f"entities/{name}": part for name, part in self._table.dump().items()}
        parts["entities/warm"] = self._warm[used]
        for keeper_name, keeper in self._keepers().items():
            for name, part in keeper.dump(used).items():
                parts[f"{keeper_name}/{name}"] = part
        return snapshot.encode("detect", parts)

    def restore(self, blob: bytes) -> None:
        """Take up a state that `dump` wrote.

        Raises:
            SnapshotError: it does not fit the pipeline's detectors, values or memory.
        """
        parts = snapshot.decode("detect", blob)
        entities = _under("entities", parts)
        count = len(entities["state"])
        if count > self._table.capacity:
            raise SnapshotError(
                f"stored state has {count} entities in one key group, the memory budget now "
                f"holds {self._table.capacity}: raise state.memory"
            )
        self._table.load(entities)
        self._warm[:count] = np.asarray(entities["warm"])
        for name, keeper in self._keepers().items():
            state = _under(name, parts)
            if not state:
                raise SnapshotError(
                    f'stored state has no detector "{name}": the pipeline\'s detectors have '
                    "changed; start with another state.directory"
                )
            keeper.load(state)
        self._count_entities()


def entity_bytes(pipeline: Pipeline) -> int:
    """Return the memory that one entity is counted with."""
    profile = ProfileBank(1, len(pipeline.mapping.values)).bytes_per_entity
    calibrator = PeaksOverThreshold(1, pipeline.calibration, 1.0).bytes_per_entity
    detectors = sum(detector.bytes_per_entity + calibrator for detector in pipeline.detectors)
    return KEY_BYTES + RECORD.itemsize + profile + detectors


def _part(events: EventBatch, rows: slice) -> EventBatch:
    return events if rows == slice(0, len(events)) else events.take(rows)


def _under(prefix: str, parts: State) -> State:
    start = prefix + "/"
    return {name[len(start) :]: part for name, part in parts.items() if name.startswith(start)}

"""The entities of a task: their table, profile, detectors and calibrators."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
import orjson

from engine.domain import snapshot
from engine.domain.absence import Absence
from engine.domain.batch import Bools, EventBatch, Floats, Int32s, Int64s, ScoredBatch
from engine.domain.control_change import ControlChange, Reset
from engine.domain.detector import (
    Bank,
    Detector,
    ExplainingBank,
    ExplainingDetector,
    SeasonalBank,
    State,
    TimedBank,
)
from engine.domain.entity_report import EntityReport
from engine.domain.errors import SnapshotError
from engine.domain.explanation import Explanation
from engine.domain.pipeline import Pipeline
from operators.calibrators.peaks_over_threshold import PeaksOverThreshold
from operators.combine.fixed import combine
from operators.combine.weight_gauge import WeightGauge
from operators.combine.weighted import Weights
from operators.detect.absence import AbsenceWatch, limits_of, pauses
from operators.detect.by_entity import by_entity
from operators.detect.context import ContextBank
from operators.detect.counters import CounterBank
from operators.detect.entity_inspector import EntityInspector
from operators.detect.entity_table import KEY_BYTES, RECORD, EntityTable, Segment
from operators.detect.event_clock import EventClock, Progress
from operators.detect.event_order import BYTES_PER_ENTITY as ORDER_BYTES
from operators.detect.event_order import SHARE as WAITING_SHARE
from operators.detect.idle import RECORD as IDLE_RECORD
from operators.detect.idle import Gone, IdleWatch
from operators.detect.local_clock import LocalClock
from operators.detect.profile import ProfileBank
from operators.kernels.record_bank import RecordBank
from operators.silences import Silences, fits
from pynomaly.plugins import Telemetry

logger = logging.getLogger("pynomaly.detect")

Explanations = dict[int, Explanation]
StatefulPart = Bank | PeaksOverThreshold | RecordBank


class ScoredColumns(NamedTuple):
    """What the detectors say of n events; see `ScoredBatch`."""

    scores: Floats
    p_values: Floats
    p_value: Floats
    weights: Floats | None
    explanations: Explanations


class EntityGroup:
    """The entities of one task. It reports to nobody until `report_to` names a telemetry."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._telemetry = Telemetry()
        self._entity_bytes = entity_bytes(pipeline)
        capacity = entity_capacity(pipeline)
        d = len(pipeline.mapping.values)
        self._table = EntityTable(capacity)
        self._clock = EventClock()
        self._silences = Silences(pipeline.silences)
        self._profile = ProfileBank(capacity, d)
        self._absence = watch(capacity, pipeline)
        self._banks = [detector.bank(capacity) for detector in pipeline.detectors]
        self._calibrators = [
            _calibrator(capacity, pipeline, detector) for detector in pipeline.detectors
        ]
        counters = counter_columns(pipeline)
        self._counters = CounterBank(capacity, counters) if counters else None
        self._weights, self._gauge = None, None
        if weighted(pipeline):
            self._weights = Weights(capacity, len(self._banks))
            self._gauge = WeightGauge(self._weights, pipeline.detector_names, self._table.used)
        zone = pipeline.mapping.timezone
        self._local = None if zone == "UTC" else LocalClock(zone)
        self._context = ContextBank(capacity, pipeline) if pipeline.context else None
        after = pipeline.idle_after
        self._idle = None if after is None else IdleWatch(capacity, after)
        self._warm = np.zeros(capacity, np.bool_)
        self._counted = (0, 0)

    @property
    def size(self) -> int:
        """Bytes of the state, as the memory budget counts them."""
        return len(self._table) * self._entity_bytes

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on, beginning with the entities there are."""
        self._telemetry = telemetry
        self._counted = (0, 0)
        self._count_entities()
        if self._gauge is not None:
            self._gauge.report_to(telemetry)

    def leave(self) -> None:
        """Take the entities off the metrics: others report them from now on."""
        entities, cold = self._counted
        self._telemetry.entities.dec(entities)
        self._telemetry.state_bytes.dec(entities * self._entity_bytes)
        self._telemetry.warming_entities.dec(cold)
        self.report_to(Telemetry())

    def pop_new_keys(self) -> list[str]:
        """Return the keys that have come since the last call."""
        return self._table.pop_new_keys()

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def keys(self) -> list[str]:
        """Return the keys of all entities."""
        return self._table.keys()

    def report(self, key: str) -> EntityReport | None:
        """Return what is known of an entity, and learn nothing; None where it is unknown."""
        parts = self._pipeline, self._table, self._profile, self._detect, self._weights
        return EntityInspector(*parts, self._entity_bytes).report(key)

    def control(self, change: ControlChange) -> None:
        """Follow the control log from the next event on."""
        self._silences = Silences((*self._pipeline.silences, *change.silences))
        for reset in change.resets:
            self._reset(reset)

    def _reset(self, reset: Reset) -> None:
        """Let the models of entities start afresh; the entities stay."""
        found = [slot for key, slot in self._table.slots.items() if fits(key, reset.entities)]
        slots = np.array(sorted(found), np.int32)
        for keeper in self._keepers().values():
            # How often an entity sends, and whether it is there, is no part of a model.
            if keeper not in (self._absence, self._idle):
                keeper.reset(slots)
        self._warm[slots] = False
        self._count_entities()

    def score(self, events: EventBatch) -> list[ScoredBatch]:
        """Score and learn events, in their order."""
        scored: list[ScoredBatch] = []
        for segment in self._table.segments(events.keys):
            scored += self._parts(_part(events, segment.rows), segment)
        self._count(scored)
        return scored

    def _parts(self, events: EventBatch, segment: Segment) -> Iterator[ScoredBatch]:
        """Score a segment, in parts where entities are forgotten within it."""
        if len(segment.started):
            self._begin(segment)
        slots, before = segment.slots, self._clock.busy
        progress = self._clock.observe(slots, events.times)
        gone = [] if self._idle is None else self._idle.observe(slots, progress.busy, before)
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
        slots = gone.slots
        keys = self._table.release(slots, np.intersect1d(slots, next_slots))
        over = [] if self._absence is None else self._absence.end(gone, keys, partition)
        for keeper in self._keepers().values():
            # The idle watch has done so, and knows of those that have come back since.
            if keeper is not self._idle:
                keeper.reset(slots)
        self._warm[slots] = False
        self._telemetry.forgotten.inc(len(slots))
        return over

    def _score(
        self, events: EventBatch, slots: Int32s, progress: Progress, over: list[Absence]
    ) -> ScoredBatch:
        lateness = self._pipeline.mapping.lateness
        rates, totals, late = self._table.observe(slots, events.times, lateness)
        if events.late is not None:
            late |= events.late
        learn = ~late
        unlearned = self._silences.unlearned(events)
        if unlearned is not None:
            learn &= ~unlearned
        if self._counters is not None:
            rates_of = self._counters.rates(slots, events.values, events.times, learn)
            events = replace(events, values=rates_of)
        centers, scales, filled = self._profile.observe(slots, events.values, learn)
        found = self._judge(slots, events, filled, scales, learn)
        self._warm[slots[~np.isnan(found.p_value)]] = True
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

    def _contexts(
        self, slots: Int32s, events: EventBatch, late: Bools, found: ScoredColumns
    ) -> dict[int, Floats]:
        """Return the values before each event that may become an anomaly."""
        if self._context is None:
            return {}
        return self._context.observe(slots, events.values, late, found.p_value, found.scores)

    def _absences(
        self, slots: Int32s, events: EventBatch, progress: Progress, totals: Floats
    ) -> Sequence[Absence]:
        """Return who has stopped sending, and who is back."""
        if self._absence is None:
            return ()
        elapsed = progress.busy if self._absence.is_learned else progress.whole
        found = self._absence.observe(slots, events, elapsed, totals, self._table.slots)
        if self._absence.is_learned and progress.jumps.any():
            found += pauses(events, progress.jumps)
            found.sort(key=lambda absence: absence.row)
        return found

    def _begin(self, segment: Segment) -> None:
        self._table.forget(segment.started)
        # First: what is evicted may begin anew at once.
        if self._absence is not None:
            self._absence.forget(segment.evicted)
        for keeper in self._keepers().values():
            keeper.reset(segment.started)
        self._warm[segment.evicted] = False
        self._telemetry.evictions.inc(len(segment.evicted))

    def _judge(
        self, slots: Int32s, events: EventBatch, filled: Floats, scales: Floats, learn: Bools
    ) -> ScoredColumns:
        """Return scores, p-values, the combined p-values, and the weights if there are any."""
        if self._weights is None:
            found = self._detect(slots, events.values, filled, learn, events.times)
            scores, p_values, explanations = found
            combined = combine(p_values, self._pipeline.combine)
            return ScoredColumns(scores, p_values, combined, None, explanations)
        asked = self._weights.ask(slots, events.values, filled, scales, learn)
        rows, own = asked.rows, ~asked.planted
        scores, p_values, explanations = self._detect(
            slots[rows], asked.values, asked.filled, asked.learn, events.times[rows]
        )
        p_value, weights = self._weights.combine(slots, asked, p_values, learn)
        explanations = {k: explanation.take(own) for k, explanation in explanations.items()}
        return ScoredColumns(scores[own], p_values[own], p_value, weights, explanations)

    def _detect(
        self, slots: Int32s, values: Floats, filled: Floats, learn: Bools, times: Int64s
    ) -> tuple[Floats, Floats, Explanations]:
        order = by_entity(slots)
        if order is None:
            return self._detect_in_turn(slots, values, filled, learn, times)
        found = self._detect_in_turn(
            slots[order], values[order], filled[order], learn[order], times[order]
        )
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        scores, p_values, explanations = found
        taken = {k: explanation.take(back) for k, explanation in explanations.items()}
        return scores[back], p_values[back], taken

    def _detect_in_turn(
        self, slots: Int32s, values: Floats, filled: Floats, learn: Bools, times: Int64s
    ) -> tuple[Floats, Floats, Explanations]:
        shape = (len(slots), len(self._banks))
        scores, p_values = np.empty(shape), np.empty(shape)
        explanations: Explanations = {}
        silent = np.isnan(values).all(axis=1)
        for k, (detector, bank) in enumerate(
            zip(self._pipeline.detectors, self._banks, strict=True)
        ):
            given = values if detector.handles_gaps else filled
            learned = learn & ~silent
            if isinstance(detector, ExplainingDetector):
                explaining = cast("ExplainingBank", bank)
                if self._local is not None and isinstance(bank, SeasonalBank):
                    clocks = self._local.show(times)
                    explanation = bank.score_by_clock(slots, given, learned, times, clocks)
                else:
                    explanation = explaining.score_and_explain(slots, given, learned, times)
                explanations[k] = explanation
                scores[:, k], p_values[:, k] = explanation.scores, explanation.p_values
                scores[silent, k] = p_values[silent, k] = np.nan
            else:
                raw = _score(bank, slots, given, learned, times)
                raw[silent] = np.nan
                scores[:, k] = raw
                p_values[:, k] = self._calibrator(k).p_values(slots, raw, learn)
            self._report(detector, bank)
        return scores, p_values, explanations

    def _calibrator(self, k: int) -> PeaksOverThreshold:
        found = self._calibrators[k]
        assert found is not None
        return found

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
            telemetry.late.inc(int(np.count_nonzero(batch.late)))
        self._count_entities()
        if self._gauge is not None:
            self._gauge.count(sum(map(len, scored)))

    def _count_entities(self) -> None:
        """Move the gauges by what has changed: they sum over the tasks of a process."""
        entities = len(self._table)
        cold = entities - int(np.count_nonzero(self._warm))
        if self._counted == (entities, cold):
            return
        self._telemetry.entities.inc(entities - self._counted[0])
        self._telemetry.state_bytes.inc((entities - self._counted[0]) * self._entity_bytes)
        self._telemetry.warming_entities.inc(cold - self._counted[1])
        self._counted = (entities, cold)

    def _keepers(self) -> dict[str, StatefulPart]:
        """Return all that holds state by slot, under its name in the snapshot."""
        names = [f"{k}.{name}" for k, name in enumerate(self._pipeline.detector_names)]
        keepers = self._of_values()
        for k, name in enumerate(names):
            keepers |= self._of_detector(k, name)
        return keepers | self._of_weights(names)

    def _of_values(self) -> dict[str, StatefulPart]:
        """Return what does not depend on the detectors."""
        profile: dict[str, StatefulPart] = {"profile": self._profile}
        counters = {} if self._counters is None else {"counters": self._counters}
        absence = {} if self._absence is None else {"absence": self._absence}
        idle = {} if self._idle is None else {"idle": self._idle}
        context = {} if self._context is None else {"context": self._context}
        return profile | counters | absence | idle | context

    def _of_detector(self, k: int, name: str) -> dict[str, StatefulPart]:
        calibrator = self._calibrators[k]
        parts: dict[str, StatefulPart] = {name: self._banks[k]}
        return parts if calibrator is None else parts | {f"{name}.calibration": calibrator}

    def _of_weights(self, names: Sequence[str]) -> dict[str, StatefulPart]:
        return {} if self._weights is None else {**self._weights.keepers(names)}

    def dump(self, beside: State | None = None) -> bytes:
        """Return the whole state as versioned bytes.

        Args:
            beside: what is stored in it by others.
        """
        used = self._table.used()
        names = self._pipeline.detector_names
        prints = list(zip(names, self._pipeline.detector_prints, strict=True))
        parts: State = {
            "mapping": self._pipeline.mapping_fingerprint.encode(),
            "detectors": orjson.dumps(prints),
            "partitions": np.array([self._pipeline.partitions], np.int64),
        }
        parts |= {f"entities/{name}": part for name, part in self._table.dump().items()}
        parts["entities/warm"] = self._warm[used]
        parts |= {f"clock/{name}": part for name, part in self._clock.dump(used).items()}
        if self._absence is not None:
            parts |= {f"watch/{name}": part for name, part in self._absence.dump_watch().items()}
        for keeper_name, keeper in self._keepers().items():
            for name, part in keeper.dump(used).items():
                parts[f"{keeper_name}/{name}"] = part
        parts |= beside or {}
        return snapshot.encode("detect", parts)

    def restore(self, blob: bytes) -> bool:
        """Take up what `dump` wrote, as far as the pipeline is still the same; else return False.

        Another key or other values: nothing. A detector that is new, or has other parameters: it
        starts afresh, and the others go on.

        Raises:
            SnapshotError: it is corrupt, or does not fit into the memory budget.
        """
        parts = snapshot.decode("detect", blob)
        # The first releases did not note of which mapping and parameters they were.
        own = self._pipeline.mapping_fingerprint
        if bytes(parts.get("mapping", own.encode())).decode() != own:
            return False
        entities = snapshot.under("entities", parts)
        count = len(entities["state"])
        before = int(np.asarray(parts.get("partitions", [self._pipeline.partitions]))[0])
        if count > self._table.capacity and before < self._pipeline.partitions:
            return self.restore(self._shrunk(blob, before))
        if count > self._table.capacity:
            raise SnapshotError(
                f"stored state has {count} entities in one partition, whose share of memory now "
                f"holds {self._table.capacity}: raise state.memory_limit"
            )
        self._table.load(entities)
        self._load_clock(parts)
        names = self._stored_names(parts)
        for k, name in enumerate(names):
            for part, bank in self._of_detector(k, name).items() if name else ():
                bank.load(snapshot.under(part, parts))
        for part, keeper in (self._of_values() | self._of_weights(names)).items():
            # Absent where the pipeline combined otherwise before: they start equal.
            if found := snapshot.under(part, parts):
                keeper.load(found)
        self._load_watch(parts)
        self._begin_idle(parts, count)
        if any(names):
            self._warm[:count] = np.asarray(entities["warm"])
        return True

    def _load_clock(self, parts: State) -> None:
        # Absent in the state of earlier releases.
        if clock := snapshot.under("clock", parts):
            self._clock.load(clock)

    def _load_watch(self, parts: State) -> None:
        state = snapshot.under("watch", parts)
        if self._absence is not None and state:
            self._absence.load_watch(state)

    def _begin_idle(self, parts: State, count: int) -> None:
        """Let entities of a state that did not note when they sent age from now on."""
        if self._idle is not None and not snapshot.under("idle", parts):
            self._idle.begin(count, self._clock.busy)

    def _shrunk(self, blob: bytes, partitions: int) -> bytes:
        """Return a state of a larger share without the entities idle longest, now too many."""
        wide = EntityGroup(replace(self._pipeline, partitions=partitions))
        wide.restore(blob)
        gone = wide._table.shrink_to(self._table.capacity)
        self._telemetry.evictions.inc(gone)
        logger.warning(
            "%d entities idle longest are evicted: the source has %d partitions now, %d before, "
            "and each has an equal share of state.memory_limit",
            *(gone, self._pipeline.partitions, partitions),
        )
        return wide.dump()

    def _stored_names(self, parts: State) -> list[str]:
        """Return the name that each detector has in stored state; "" where it is not there."""
        ours = list(zip(self._pipeline.detector_names, self._pipeline.detector_prints, strict=True))
        noted = orjson.loads(bytes(parts["detectors"])) if "detectors" in parts else ours
        stored = {(name, own): f"{k}.{name}" for k, (name, own) in enumerate(noted)}
        return [stored.get(pair, "") for pair in ours]


def counter_columns(pipeline: Pipeline) -> list[int]:
    """Return the numbers of the values that are counters."""
    return [k for k, value in enumerate(pipeline.mapping.values) if value.counter]


def watch(capacity: int, pipeline: Pipeline) -> AbsenceWatch | None:
    """Return what watches for absent entities, where anybody asks for it."""
    if pipeline.absence is None:
        return None
    limits = limits_of(pipeline.absence, pipeline.alert, pipeline.partitions)
    return AbsenceWatch(capacity, limits)


def weighted(pipeline: Pipeline) -> bool:
    """Whether there are weights to learn."""
    return pipeline.combine == "weighted" and len(pipeline.detectors) > 1


def entity_capacity(pipeline: Pipeline) -> int:
    """Return how many entities of a task fit into its memory."""
    budget = pipeline.memory_bytes // pipeline.partitions
    if pipeline.mapping.order == "event_time":
        budget -= int(WAITING_SHARE * budget)
    return max(1, budget // entity_bytes(pipeline))


def entity_bytes(pipeline: Pipeline) -> int:
    """Return the memory that one entity is counted with."""
    profile = ProfileBank(1, len(pipeline.mapping.values)).bytes_per_entity
    detectors = sum(detector.bytes_per_entity for detector in pipeline.detectors)
    calibrators = sum(
        calibrator.bytes_per_entity
        for detector in pipeline.detectors
        if (calibrator := _calibrator(1, pipeline, detector)) is not None
    )
    weights = Weights(1, len(pipeline.detectors)).bytes_per_entity if weighted(pipeline) else 0
    columns = counter_columns(pipeline)
    counters = CounterBank(1, columns).bytes_per_entity if columns else 0
    watched = watch(1, pipeline)
    absence = 0 if watched is None else watched.bytes_per_entity
    idle = 0 if pipeline.idle_after is None else IDLE_RECORD.itemsize
    context = ContextBank(1, pipeline).bytes_per_entity if pipeline.context else 0
    ordered = ORDER_BYTES if pipeline.mapping.order == "event_time" else 0
    parts = (ordered, profile, counters, absence, idle, context, detectors, calibrators, weights)
    return KEY_BYTES + RECORD.itemsize + sum(parts)


def _calibrator(capacity: int, pipeline: Pipeline, detector: Detector) -> PeaksOverThreshold | None:
    """Return what turns a detector's scores into p-values; None where it has its own."""
    if isinstance(detector, ExplainingDetector):
        return None
    return PeaksOverThreshold(capacity, pipeline.calibration, detector.resolution)


def _score(bank: Bank, slots: Int32s, values: Floats, learn: Bools, times: Int64s) -> Floats:
    if isinstance(bank, TimedBank):
        return bank.score_at(slots, values, learn, times)
    return bank.score(slots, values, learn)


def _part(events: EventBatch, rows: slice) -> EventBatch:
    return events if rows == slice(0, len(events)) else events.take(rows)

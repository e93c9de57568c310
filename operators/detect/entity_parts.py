"""The parts of a task that hold state of entities by slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.domain.absence import AbsenceRule
from engine.domain.batch import Int32s
from engine.domain.control_change import ControlChange
from engine.domain.detector import Bank, CopyingBank, Detector, ExplainingDetector
from engine.domain.pipeline import Pipeline
from operators.calibrators.peaks_over_threshold import PeaksOverThreshold
from operators.combine.weighted import Weights
from operators.detect.absence import AbsenceWatch, limits_of
from operators.detect.context import ContextBank
from operators.detect.counters import CounterBank
from operators.detect.entity_table import EntityTable
from operators.detect.event_clock import EventClock
from operators.detect.gaps import Limits
from operators.detect.idle import IdleWatch
from operators.detect.nearness import NearnessBank
from operators.detect.profile import ProfileBank
from operators.kernels.record_bank import RecordBank

StatefulPart = Bank | PeaksOverThreshold | RecordBank


class EntityParts:
    """The parts of a pipeline that hold state by slot.

    Args:
        pipeline: all settings of the steps.
        capacity: number of slots.

    Attributes:
        table: which slot holds which entity.
        clock: how far event time has come, of the task and of each entity.
        profile: centers and scales of the values.
        banks: of the detectors, in the pipeline's order.
        calibrators: of the same detectors; None of one that has its own p-values.
        weights: of the detectors; None if none are learned.
        counters: previous values of counters; None if no value is one.
        absence: who has stopped sending; None if it is off.
        idle: who is to be forgotten; None if none is.
        context: the last values of entities; None if anomalies go without.
        nearness: the rarest event of entities.
        warm: bool [capacity], whether the entity in a slot has had a p-value.
    """

    def __init__(self, pipeline: Pipeline, capacity: int) -> None:
        self._pipeline = pipeline
        self._names = pipeline.detector_names
        self.table = EntityTable(capacity)
        self.clock = EventClock()
        self.profile = ProfileBank(capacity, len(pipeline.mapping.values))
        self.banks = [detector.bank(capacity) for detector in pipeline.detectors]
        self.calibrators = [
            calibrator(capacity, pipeline, detector) for detector in pipeline.detectors
        ]
        self.weights = Weights(capacity, len(self.banks)) if is_weighted(pipeline) else None
        columns = counter_columns(pipeline)
        self.counters = CounterBank(capacity, columns) if columns else None
        self.absence = absence_watch(capacity, pipeline)
        after = pipeline.idle_after
        self.idle = None if after is None else IdleWatch(capacity, after)
        self.context = ContextBank(capacity, pipeline) if pipeline.context else None
        self.nearness = NearnessBank(capacity)
        self.warm = np.zeros(capacity, np.bool_)

    @property
    def cold(self) -> int:
        """Entities that have had no p-value yet."""
        return len(self.table) - int(np.count_nonzero(self.warm))

    def start_entities(self, started: Int32s, evicted: Int32s) -> None:
        """Give slots to new entities.

        Args:
            started: the slots.
            evicted: slots of the entities that had to go for them.
        """
        self.table.forget(started)
        # First: an evicted entity may return immediately.
        if self.absence is not None:
            self.absence.forget(evicted)
        for part in self.by_name().values():
            part.reset(started)
        self.warm[evicted] = False

    def forget_idle(self, slots: Int32s) -> None:
        """Forget what is known of idle entities, whose slots the table has released."""
        for part in self.by_name().values():
            # The idle watch has done so, and knows of those that have come back since.
            if part is not self.idle:
                part.reset(slots)
        self.warm[slots] = False

    def reset_models(self, slots: Int32s) -> None:
        """Let the models of entities start afresh; the entities stay."""
        for part in self.by_name().values():
            # How often an entity sends, and whether it is there, does not belong to a model.
            if part not in (self.absence, self.idle):
                part.reset(slots)
        self.warm[slots] = False

    def revert_models(self, slots: Int32s, earlier: EntityParts, theirs: Int32s) -> None:
        """Replace the models of entities by earlier ones.

        Args:
            slots: of the entities.
            earlier: parts of the same pipeline, not used again.
            theirs: slots of the same entities there.
        """
        before = earlier.by_name()
        # What an entity sent last does not belong to a model either.
        stay = self.absence, self.idle, self.counters, self.context
        for name, part in self.by_name().items():
            if part in stay:
                continue
            if isinstance(part, CopyingBank):
                part.copy(slots, before[name], theirs)
            else:
                part.reset(slots)
        self.warm[slots] = earlier.warm[theirs]

    def follow(self, change: ControlChange) -> None:
        """Follow the control log from the next event on."""
        pipeline = self._pipeline
        if self.absence is not None:
            in_force = replace(pipeline, alert=change.policy(pipeline.alert))
            self.absence.hold_against(absence_limits(in_force))
        if self.context is not None:
            self.context.follow(change.rules)

    def by_name(self) -> dict[str, StatefulPart]:
        """Return all that holds state by slot, under its name in the snapshot."""
        names = [f"{k}.{name}" for k, name in enumerate(self._names)]
        parts = self.of_values()
        for k, name in enumerate(names):
            parts |= self.of_detector(k, name)
        return parts | self.of_weights(names)

    def of_values(self) -> dict[str, StatefulPart]:
        """Return what does not depend on the detectors."""
        parts = {
            "profile": self.profile,
            "counters": self.counters,
            "absence": self.absence,
            "idle": self.idle,
            "context": self.context,
            "nearness": self.nearness,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def of_detector(self, k: int, name: str) -> dict[str, StatefulPart]:
        """Return the bank of a detector and its calibrator, under a name."""
        found = self.calibrators[k]
        parts: dict[str, StatefulPart] = {name: self.banks[k]}
        return parts if found is None else parts | {f"{name}.calibration": found}

    def of_weights(self, names: Sequence[str]) -> dict[str, StatefulPart]:
        """Return what is learned of the detectors, which have these names."""
        return {} if self.weights is None else {**self.weights.keepers(names)}


def counter_columns(pipeline: Pipeline) -> list[int]:
    """Return the numbers of the values that are counters."""
    return [k for k, value in enumerate(pipeline.mapping.values) if value.counter]


def absence_watch(capacity: int, pipeline: Pipeline) -> AbsenceWatch | None:
    """Return what watches for absent entities, where anybody asks for it."""
    return None if pipeline.absence is None else AbsenceWatch(capacity, absence_limits(pipeline))


def absence_limits(pipeline: Pipeline) -> Limits:
    """Return what a silence is held against in a pipeline that watches for absent entities."""
    rule = pipeline.absence or AbsenceRule()
    return limits_of(rule, pipeline.alert, pipeline.partitions)


def is_weighted(pipeline: Pipeline) -> bool:
    """Whether there are weights to learn."""
    return pipeline.combine == "weighted" and len(pipeline.detectors) > 1


def calibrator(capacity: int, pipeline: Pipeline, detector: Detector) -> PeaksOverThreshold | None:
    """Return what turns a detector's scores into p-values; None if it has its own."""
    if isinstance(detector, ExplainingDetector):
        return None
    return PeaksOverThreshold(capacity, pipeline.calibration, detector.resolution)

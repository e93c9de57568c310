"""The inspector: reads what a task knows about an entity, without changing it."""

from __future__ import annotations

import numpy as np

from engine.domain.batch import EXPECTED_SCALES, Bools, Floats, Int32s
from engine.domain.detector import DescribingBank
from engine.domain.entity_report import DetectorReport, EntityReport, ExpectedValue, ValueNature
from engine.domain.pipeline import Pipeline
from operators.detect.entity_parts import EntityParts
from operators.detect.scorer import Scorer


class EntityInspector:
    """Reports on the entities of a task.

    It scores an event that has just the expected values, at the time at which the next one is due,
    and learns nothing from it.

    Args:
        pipeline: whose task it is.
        parts: what the task keeps of its entities.
        scorer: scores events by the pipeline's detectors.
        memory: bytes an entity is counted with.
    """

    def __init__(self, pipeline: Pipeline, parts: EntityParts, scorer: Scorer, memory: int) -> None:
        self._pipeline = pipeline
        self._parts = parts
        self._scorer = scorer
        self._memory = memory

    def report(self, key: str) -> EntityReport | None:
        """Return what is known of an entity; None if no event of it is remembered."""
        pace = self._parts.table.pace(key)
        if pace is None:
            return None
        slots = np.array([pace.slot], np.int32)
        nothing = np.full((1, len(self._pipeline.mapping.values)), np.nan)
        asks = np.zeros(1, np.bool_)
        centers, scales, filled = self._parts.profile.observe(slots, nothing, asks)
        due = np.array([pace.newest + round(pace.mean_gap)], np.int64)
        found = self._scorer.detect(slots, filled, filled, asks, due)
        widths = EXPECTED_SCALES * scales[0]
        for explanation in found.explanations.values():
            centers, widths = explanation.centers, explanation.widths[0]
        warm = ~np.isnan(found.p_values[0])
        if not warm.any():
            # Detectors have ranges before, which mean nothing yet.
            centers = np.full_like(centers, np.nan)
        absence = self._parts.absence
        return EntityReport(
            entity=key,
            events=pace.count,
            learned=int(self._parts.profile.learned(pace.slot)),
            newest=pace.newest,
            rate=pace.rate,
            task_rate=pace.task_rate,
            detectors=self._detectors(slots, warm),
            values=self._values(centers[0] - widths, centers[0] + widths),
            memory=self._memory,
            presence=None if absence is None else absence.presence(pace.slot),
            natures=self._natures(pace.slot),
        )

    def _natures(self, slot: int) -> tuple[ValueNature, ...]:
        for bank in self._parts.banks:
            if isinstance(bank, DescribingBank):
                return bank.natures(slot)
        context = self._parts.context
        return () if context is None else tuple(map(ValueNature, context.last(slot)))

    def _detectors(self, slots: Int32s, warm: Bools) -> tuple[DetectorReport, ...]:
        learned = self._parts.weights
        weights = None if learned is None else learned.total(slots)
        return tuple(
            DetectorReport(
                detector.name,
                detector.warm_up,
                bool(warm[k]),
                None if weights is None else float(weights[k]),
            )
            for k, detector in enumerate(self._pipeline.detectors)
        )

    def _values(self, lows: Floats, highs: Floats) -> tuple[ExpectedValue, ...]:
        names = self._pipeline.mapping.value_names
        return tuple(
            ExpectedValue(name, _known(low), _known(high))
            for name, low, high in zip(names, lows, highs, strict=True)
        )


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None

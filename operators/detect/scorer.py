"""Scoring: events by all detectors, their p-values, and these combined."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s, Int64s
from engine.domain.detector import (
    Bank,
    ExplainingBank,
    ExplainingDetector,
    SeasonalBank,
    TimedBank,
)
from engine.domain.explanation import Explanation
from engine.domain.pipeline import Pipeline
from operators.combine.fixed import combine
from operators.detect.by_entity import by_entity
from operators.detect.entity_parts import EntityParts
from operators.detect.local_clock import LocalClock

Explanations = dict[int, Explanation]


class DetectorColumns(NamedTuple):
    """What k detectors say of n events: float64 [n, k], and explanations by detector."""

    scores: Floats
    p_values: Floats
    explanations: Explanations

    def take(self, rows: Int64s | Bools) -> DetectorColumns:
        """Return some of the events."""
        explanations = {k: found.take(rows) for k, found in self.explanations.items()}
        return DetectorColumns(self.scores[rows], self.p_values[rows], explanations)


class ScoredColumns(NamedTuple):
    """What is known of n scored events; see `ScoredBatch`."""

    scores: Floats
    p_values: Floats
    p_value: Floats
    weights: Floats | None
    explanations: Explanations


class Scorer:
    """Scores events of one task and learns them.

    Args:
        pipeline: all settings of the steps.
        parts: with the state of the detectors.
    """

    def __init__(self, pipeline: Pipeline, parts: EntityParts) -> None:
        self._detectors = pipeline.detectors
        self._combine = pipeline.combine
        self._parts = parts
        zone = pipeline.mapping.timezone
        self._local = None if zone == "UTC" else LocalClock(zone)

    def score(
        self,
        slots: Int32s,
        values: Floats,
        filled: Floats,
        scales: Floats,
        learn: Bools,
        times: Int64s,
    ) -> ScoredColumns:
        """Return scores, p-values, the combined p-values, and the weights if there are any.

        Args:
            slots: int32 [n], the slot of each event's entity.
            values: float64 [n, d]; NaN if one is missing.
            filled: float64 [n, d], with the expected value where one is missing.
            scales: float64 [n, d], the usual spread of the values.
            learn: bool [n]; False scores without learning.
            times: int64 [n], event times in ns.
        """
        weights = self._parts.weights
        if weights is None:
            found = self.detect(slots, values, filled, learn, times)
            combined = combine(found.p_values, self._combine)
            return ScoredColumns(found.scores, found.p_values, combined, None, found.explanations)
        asked = weights.ask(slots, values, filled, scales, learn)
        rows = asked.rows
        found = self.detect(slots[rows], asked.values, asked.filled, asked.learn, times[rows])
        p_value, shares = weights.combine(slots, asked, found.p_values, learn)
        own = found.take(~asked.planted)
        return ScoredColumns(own.scores, own.p_values, p_value, shares, own.explanations)

    def detect(
        self, slots: Int32s, values: Floats, filled: Floats, learn: Bools, times: Int64s
    ) -> DetectorColumns:
        """Return what the detectors say of events, each entity's one after the other."""
        order = by_entity(slots)
        if order is None:
            return self._detect(slots, values, filled, learn, times)
        found = self._detect(slots[order], values[order], filled[order], learn[order], times[order])
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return found.take(back)

    def _detect(
        self, slots: Int32s, values: Floats, filled: Floats, learn: Bools, times: Int64s
    ) -> DetectorColumns:
        shape = (len(slots), len(self._detectors))
        found = DetectorColumns(np.empty(shape), np.empty(shape), {})
        silent = np.isnan(values).all(axis=1)
        for k, detector in enumerate(self._detectors):
            bank = self._parts.banks[k]
            given = values if detector.handles_gaps else filled
            learned = learn & ~silent
            if isinstance(detector, ExplainingDetector):
                explanation = self._explain(bank, slots, given, learned, times)
                found.explanations[k] = explanation
                found.scores[:, k] = explanation.scores
                found.p_values[:, k] = explanation.p_values
                found.scores[silent, k] = found.p_values[silent, k] = np.nan
            else:
                raw = _score(bank, slots, given, learned, times)
                raw[silent] = np.nan
                found.scores[:, k] = raw
                found.p_values[:, k] = self._calibrated(k, slots, raw, learn)
        return found

    def _explain(
        self, bank: Bank, slots: Int32s, values: Floats, learn: Bools, times: Int64s
    ) -> Explanation:
        if self._local is not None and isinstance(bank, SeasonalBank):
            return bank.score_by_clock(slots, values, learn, times, self._local.show(times))
        explaining = cast("ExplainingBank", bank)
        return explaining.score_and_explain(slots, values, learn, times)

    def _calibrated(self, k: int, slots: Int32s, scores: Floats, learn: Bools) -> Floats:
        found = self._parts.calibrators[k]
        assert found is not None
        return found.p_values(slots, scores, learn)


def _score(bank: Bank, slots: Int32s, values: Floats, learn: Bools, times: Int64s) -> Floats:
    if isinstance(bank, TimedBank):
        return bank.score_at(slots, values, learn, times)
    return bank.score(slots, values, learn)

"""The alert policy: which events become anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.domain.batch import Bools, Floats

ENTITY_SHARE = 0.1
"""One false alarm in ten days."""


@dataclass(frozen=True, slots=True)
class Budget:
    """An alert budget: the false alarms that a user accepts on normal data.

    Attributes:
        per_day: alerts per day of event time.
        scope: the whole "pipeline" has the budget, or each "entity" has it.
        max_p_value: upper bound of the threshold, also for entities with rare events.
        entity_share: false alarms a day that one entity may cause at most if the pipeline has
            the budget: it is a bound, and a pipeline of few entities does not use all of it.
    """

    per_day: float
    scope: str = "pipeline"
    max_p_value: float = 1e-2
    entity_share: float = ENTITY_SHARE

    def thresholds(self, rates: Floats, pipeline_rates: Floats) -> Floats:
        """Return the p-value thresholds at which the expected false alarms keep the budget.

        Args:
            rates: float64 [n], events per day of the event's entity; NaN while unknown.
            pipeline_rates: float64 [n], events per day of the whole pipeline.

        Returns:
            float64 [n]; 0 (never alert) where the entity's rate is unknown.
        """
        with np.errstate(divide="ignore"):
            if self.scope == "entity":
                thresholds = self.per_day / rates
            else:
                shared = self.per_day / np.maximum(rates, pipeline_rates)
                thresholds = np.minimum(shared, self.entity_share / rates)
            thresholds = np.minimum(thresholds, self.max_p_value)
        return np.where(np.isnan(thresholds), 0.0, thresholds)

    def threshold_of_equals(self, entities: int, events_per_day: float) -> float:
        """Return the threshold if all entities send equally often.

        Args:
            entities: how many there are.
            events_per_day: of all of them together, above 0.
        """
        each = np.array([events_per_day / entities])
        return float(self.thresholds(each, np.array([events_per_day]))[0])


@dataclass(frozen=True, slots=True)
class PValueThreshold:
    """Alert if the combined p-value is at most this."""

    p_value: float

    def threshold_of_equals(self, _entities: int, _events_per_day: float) -> float:
        """Return the threshold, whatever the rates."""
        return self.p_value

    def thresholds(self, rates: Floats) -> Floats:
        """Return the same threshold for every event: float64 [n]."""
        return np.full(len(rates), self.p_value)


@dataclass(frozen=True, slots=True)
class FalseDiscoveryRate:
    """The share of false alarms that a user accepts among the incidents of all entities.

    Attributes:
        share: of the incidents of about a day; also the false alarms per day without incidents.
        max_p_value: never alert above this.
    """

    share: float
    max_p_value: float = 1e-2


@dataclass(frozen=True, slots=True)
class ScoreThreshold:
    """Alert if the raw score of one detector is above a fixed value.

    Attributes:
        detector: name of the detector in the pipeline.
        above: in the detector's own unit.
    """

    detector: str
    above: float

    def flags(self, scores: Floats) -> Bools:
        """Return bool [n] for the detector's raw scores, float64 [n]; NaN never alerts."""
        return scores > self.above


AlertPolicy = Budget | PValueThreshold | FalseDiscoveryRate | ScoreThreshold


class Severity(StrEnum):
    """How far beyond the threshold an anomaly lies."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


def severity(p_value: float, threshold: float) -> Severity:
    """Grade an anomaly by threshold / p_value: minor below 10, major below 1,000, else critical."""
    if p_value * 1_000 <= threshold:
        return Severity.CRITICAL
    return Severity.MAJOR if p_value * 10 <= threshold else Severity.MINOR

"""The alert policy: which events become anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.domain.batch import Bools, Floats


@dataclass(frozen=True, slots=True)
class Budget:
    """An alert budget: the false alarms that a user accepts on normal data.

    Attributes:
        per_day: alerts per day of event time.
        scope: each "entity" has the budget, or the whole "pipeline" has it.
        max_p_value: upper bound of the threshold, also for entities with rare events.
    """

    per_day: float
    scope: str = "entity"
    max_p_value: float = 1e-2

    def thresholds(self, rates: Floats) -> Floats:
        """Return the p-value thresholds at which the false alarms equal the budget.

        Args:
            rates: float64 [n], events per day that share the budget; NaN while unknown.

        Returns:
            float64 [n]; 0 (never alert) where the rate is unknown.
        """
        with np.errstate(divide="ignore"):
            thresholds = np.minimum(self.per_day / rates, self.max_p_value)
        return np.where(np.isnan(thresholds), 0.0, thresholds)


@dataclass(frozen=True, slots=True)
class PValueThreshold:
    """Alert where the combined p-value is at most this."""

    p_value: float

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

"""The gauges of the alert policy: the rate of events, the threshold in force, expected alerts."""

from __future__ import annotations

from engine.domain.batch import Floats, ScoredBatch
from engine.domain.time_units import SECONDS_PER_DAY
from pynomaly.plugins import Telemetry, no_telemetry

MEMORY_EVENTS = 4_096.0
"""Events in the mean threshold: entities with different rates have different thresholds."""


class BudgetGauge:
    """What one task adds to the gauges; they sum over the tasks of a process."""

    def __init__(self) -> None:
        self._telemetry = no_telemetry()
        self._events, self._thresholds = 0.0, 0.0
        self._reported = (0.0, 0.0)

    def report_to(self, telemetry: Telemetry) -> None:
        """Move the gauges of this telemetry from now on, and no longer those of another."""
        self._move(0.0, 0.0)
        self._telemetry = telemetry

    def observe(self, batch: ScoredBatch, thresholds: Floats) -> None:
        """Note a batch.

        Args:
            batch: n events.
            thresholds: float64 [m], those in force at the events that could have alerted; empty
                where the policy has no threshold that is a p-value.
        """
        if batch.pipeline_rates is None or not len(batch):
            return
        kept = max(0.0, 1 - len(thresholds) / MEMORY_EVENTS)
        self._events = kept * self._events + len(thresholds)
        self._thresholds = kept * self._thresholds + float(thresholds.sum())
        rate = float(batch.pipeline_rates[-1]) / SECONDS_PER_DAY
        mean = self._thresholds / self._events if self._events else 0.0
        self._move(rate, rate * mean)

    def _move(self, rate: float, expected: float) -> None:
        before = self._reported
        self._telemetry.event_rate.inc(rate - before[0])
        self._telemetry.expected_rate.inc(expected - before[1])
        self._reported = (rate, expected)

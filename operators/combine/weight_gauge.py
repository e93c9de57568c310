"""The gauge of weights: the mean weight of each detector, as a metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.domain.batch import Floats, Int32s
from operators.combine.weighted import Weights
from pynomaly.plugins import Telemetry, no_telemetry


class WeightGauge:
    """Reports the mean weights of a task, once `report_to` has given it metrics.

    It reads the weights of all entities, so rarely that this costs little per event.

    Args:
        weights: of the task.
        names: of the detectors.
        used: returns the slots in use.
    """

    def __init__(self, weights: Weights, names: Sequence[str], used: Callable[[], Int32s]) -> None:
        self._weights = weights
        self._names = names
        self._used = used
        self.report_to(no_telemetry())

    def report_to(self, telemetry: Telemetry) -> None:
        """Report to these metrics from now on, beginning with the present entities."""
        self._telemetry = telemetry
        self._reported: tuple[int, Floats] = 0, np.zeros(len(self._names))
        self._report()

    def count(self, events: int) -> None:
        """Count scored events, and report when enough have passed."""
        self._unreported += events
        if self._unreported >= self._reported[0]:
            self._report()

    def _report(self) -> None:
        slots, (count, total) = self._used(), self._reported
        self._reported, self._unreported = (len(slots), self._weights.total(slots)), 0
        more = dict(zip(self._names, (self._reported[1] - total).tolist(), strict=True))
        self._telemetry.weights.move(len(slots) - count, more)

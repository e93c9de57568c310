"""The gauge of weights: what the detectors count on average, for the metrics page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.application.telemetry.metrics import Telemetry
from engine.domain.batch import Floats, Int32s
from operators.combine.weighted import Weights


class WeightGauge:
    """Tells the mean weights in a key group; it reports to nobody until `report_to` says to whom.

    It goes through all entities, so rarely that this costs little per event.

    Args of its constructor: weights; names, of the detectors; used, returns the slots in use.
    """

    def __init__(self, weights: Weights, names: Sequence[str], used: Callable[[], Int32s]) -> None:
        self._weights = weights
        self._names = names
        self._used = used
        self.report_to(Telemetry())

    def report_to(self, telemetry: Telemetry) -> None:
        """Tell these metrics from now on, beginning with the entities there are."""
        self._telemetry = telemetry
        self._told: tuple[int, Floats] = 0, np.zeros(len(self._names))
        self._tell()

    def count(self, events: int) -> None:
        """Take note of so many scored events."""
        self._untold += events
        if self._untold >= self._told[0]:
            self._tell()

    def _tell(self) -> None:
        slots, (count, total) = self._used(), self._told
        self._told, self._untold = (len(slots), self._weights.total(slots)), 0
        more = dict(zip(self._names, (self._told[1] - total).tolist(), strict=True))
        self._telemetry.weights.move(len(slots) - count, more)

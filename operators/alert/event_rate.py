"""The rate of events of one task, for a budget that the whole pipeline shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.domain.batch import Floats, Int64s
from operators.kernels import event_rate, moving_mean
from operators.kernels.event_rate import events_per_day, next_mean_gap
from operators.kernels.record_bank import kernel

MEMORY_GAPS = 10_000.0
"""Gaps that the mean rests on: many, for partitions take turns in large batches."""


class EventRate:
    """Events per day of event time, as an exponentially forgetting mean of their gaps."""

    def __init__(self) -> None:
        # mean gap in ns, newest event time, events seen
        self._state: NDArray[np.float64] = np.zeros(3)

    def observe(self, times: Int64s) -> Floats:
        """Return the rate before each event, then learn its time.

        Args:
            times: int64 [n], event times in ns.

        Returns:
            float64 [n], events per day; NaN until two events were seen.
        """
        rates = np.empty(len(times))
        _observe(self._state, times, rates)
        return rates

    def dump(self) -> NDArray[np.float64]:
        """Return the state."""
        return self._state.copy()

    def load(self, state: NDArray[np.generic]) -> None:
        """Restore a dumped state."""
        self._state = np.array(state, np.float64)


def _loop(  # pragma: no cover - runs compiled
    state: Floats, times: Int64s, rates: Floats
) -> None:
    for i in range(len(times)):
        rates[i] = events_per_day(state[0]) if state[2] > 1 else np.nan
        if state[2] > 0:
            state[0] = next_mean_gap(state[0], times[i] - state[1], state[2], MEMORY_GAPS)
            state[1] = max(state[1], np.float64(times[i]))
        else:
            state[1] = times[i]
        state[2] += 1


_observe = kernel(_loop, (event_rate, moving_mean))

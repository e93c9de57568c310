"""Counters: of a value that counts, the rate a second is watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s, Int64s
from engine.domain.time_units import NS_PER_SECOND
from operators.kernels.record_bank import RecordBank, kernel

BEHIND = 3
"""Events in a row before the last one's time after which that one had a wrong clock."""


class CounterBank(RecordBank):
    """The last count of each counter of each entity.

    A fall is a reset: what the counter shows then has come since, as Prometheus takes it. The first
    count of an entity, and one that is not later than the one before, has no rate: a gap.

    Args:
        capacity: the number of slots.
        columns: numbers of the values that are counters.
    """

    def __init__(self, capacity: int, columns: Sequence[int]) -> None:
        self._columns = np.array(columns, np.int64)
        count = len(columns)
        fields = [("last", "<f8", (count,)), ("time", "<i8", (count,)), ("known", "u1", (count,))]
        super().__init__(capacity, np.dtype([*fields, ("behind", "u1", (count,))]))

    def rates(self, slots: Int32s, values: Floats, times: Int64s, learn: Bools) -> Floats:
        """Return the values with rates in place of counts, then note the counts.

        Args:
            slots: int32 [n], the slot of each event's entity.
            values: float64 [n, d].
            times: int64 [n], event times in ns.
            learn: bool [n]; False notes nothing.
        """
        found = values.copy()
        _rates(self.records, slots, self._columns, times, learn, found)
        return found


def _loop(  # pragma: no cover - runs compiled
    records: Any, slots: Int32s, columns: Int64s, times: Int64s, learns: Bools, values: Floats
) -> None:
    for i in range(len(slots)):
        state = records[slots[i]]
        for c in range(len(columns)):
            count = values[i, columns[c]]
            if count != count:
                continue
            values[i, columns[c]] = np.nan
            apart = times[i] - state.time[c]
            if state.known[c] and apart > 0:
                risen = count - state.last[c] if count >= state.last[c] else count
                values[i, columns[c]] = risen / (apart / NS_PER_SECOND)
            if not learns[i]:
                continue
            state.behind[c] = state.behind[c] + 1 if state.known[c] and apart < 0 else 0
            if not state.known[c] or apart > 0 or state.behind[c] >= BEHIND:
                state.last[c] = count
                state.time[c] = times[i]
                state.known[c] = 1
                state.behind[c] = 0


_rates = kernel(_loop)

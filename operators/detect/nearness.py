"""Nearness: how rare the rarest event of each entity was, today and the day before.

`explain --top` ranks entities by it. It takes eight bytes an entity, and is looked at only by those
who ask: nothing that is published depends on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Floats, Int32s, Int64s
from engine.domain.time_units import NS_PER_DAY
from operators.kernels.record_bank import RecordBank, kernel

RECORD = np.dtype([("day", "<i4"), ("today", "<u2"), ("day_before", "<u2")])
"""The newest UTC day with an event that was noted, and -log10 of the least p-value of that day and
of the one before, in steps of STEP; 0 if none was noted."""
STEP = 0.01
"""A p-value is known to 2.3 %."""
NOTED = 0.1
"""Events with a larger p-value are not noted: nine in ten need no look at the record."""
LEAST_P_VALUE = 1e-300


class NearnessBank(RecordBank):
    """Notes the rarest event of each entity.

    Args:
        capacity: the number of slots.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, RECORD)

    def observe(self, slots: Int32s, times: Int64s, p_value: Floats) -> None:
        """Note events.

        Args:
            slots: int32 [n], the slot of each event's entity.
            times: int64 [n], event times in ns.
            p_value: float64 [n], of the detectors combined; NaN if there is none.
        """
        _observe(self.records, slots, times, p_value)

    def least(self, slots: Int32s, newest: Int64s) -> Floats:
        """Return the least p-value of the day of each entity's newest event and of the day before.

        Args:
            slots: int32 [n], of the entities.
            newest: int64 [n], their newest event times in ns.

        Returns:
            float64 [n]; NaN where no p-value of NOTED or less came.
        """
        records = self.records[slots]
        ago = newest // NS_PER_DAY - records["day"]
        both = np.maximum(records["today"], records["day_before"])
        steps = np.where(ago <= 0, both, np.where(ago == 1, records["today"], 0))
        return np.where(steps > 0, 10.0 ** (-STEP * steps), np.nan)


def _loop(  # pragma: no cover - runs compiled
    records: Any, slots: Int32s, times: Int64s, p_value: Floats
) -> None:
    for i in range(len(slots)):
        # NaN is not noted either.
        if not p_value[i] <= NOTED:
            continue
        state = records[slots[i]]
        day = times[i] // NS_PER_DAY
        steps = round(-np.log10(max(p_value[i], LEAST_P_VALUE)) / STEP)
        if day == state.day:
            state.today = max(state.today, steps)
        elif day == state.day - 1:
            state.day_before = max(state.day_before, steps)
        else:
            # Also back by days: after an event with a wrong clock.
            state.day_before = state.today if day == state.day + 1 else 0
            state.today, state.day = steps, day


_observe = kernel(_loop)

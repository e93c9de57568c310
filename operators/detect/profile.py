"""The profile: the expected value of every value of every entity, whatever the detector."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s
from operators.detectors.parameters import check_numbers
from operators.detectors.zscore import PARAMETERS, learn_value, params_of, record, scale_of
from operators.kernels.record_bank import RecordBank, Records, compile_loop

_PARAMS = params_of(**check_numbers("profile", {}, PARAMETERS))


class ProfileBank(RecordBank):
    """Robust location and scale of each value, learned as the zscore detector does.

    It is reset, dumped and loaded like the bank of a detector.

    Args:
        capacity: number of slots.
        d: number of values.
    """

    def __init__(self, capacity: int, d: int) -> None:
        super().__init__(capacity, record(d))

    def observe(self, slots: Int32s, values: Floats, learn: Bools) -> tuple[Floats, Floats, Floats]:
        """Return what was expected before each event, then learn it, in the given order.

        Args:
            slots: int32 [n], the slot of each event's entity.
            values: float64 [n, d], C-contiguous; NaN is a gap.
            learn: bool [n]; False looks without learning.

        Returns:
            centers: float64 [n, d], the expected values; NaN before the first of its kind.
            scales: float64 [n, d], the robust standard deviations; NaN before the second.
            filled: float64 [n, d], the values with each gap replaced by its expected value, by 0
                where that is unknown.
        """
        centers, scales = np.empty_like(values), np.empty_like(values)
        filled = np.empty_like(values)
        _observe(self.records, slots, values, learn, _PARAMS, centers, scales, filled)
        return centers, scales, filled

    def learned(self, slot: int) -> int:
        """Return how many events of the entity in a slot were learned: of its fullest value."""
        return int(self.records["count"][slot].max())


def _loop(  # pragma: no cover - runs compiled
    records: Records,
    slots: Int32s,
    values: Floats,
    learns: Bools,
    params: Any,
    centers: Floats,
    scales: Floats,
    filled: Floats,
) -> None:
    for i in range(len(slots)):
        state = records[slots[i]]
        for j in range(values.shape[1]):
            value, count = values[i, j], state.count[j]
            gap = np.isnan(value)
            centers[i, j] = state.level[j] if count > 0 else np.nan
            scales[i, j] = scale_of(state, j, params) if count > 1 else np.nan
            filled[i, j] = state.level[j] if gap else value
            if learns[i] and not gap:
                learn_value(state, j, value, params)


_observe = compile_loop(_loop, scale_of=scale_of, learn_value=learn_value)

"""Planted deviations: what an event would look like with one value far from where it was expected.

No labels say which detectors see anomalies. But a detector can be asked about one that is made: it
scores it, and learns nothing (Goswami and others, Unsupervised Model Selection for Time-series
Anomaly Detection, ICLR 2023, choose models by such).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.domain.batch import Bools, Floats, Int32s
from operators.kernels.record_bank import RecordBank, kernel

EVERY = 32
"""Events of an entity from one planted deviation to the next."""
FAR = 8.0
"""How far the value is moved, in robust standard deviations: up, at the next turn down."""

RECORD = np.dtype([("seen", "<u4")])


@dataclass(frozen=True, slots=True)
class ScoringRequest:
    """What detectors are asked: the n events in their order, planted ones just before their own.

    Attributes:
        rows: intp [n + m], the event of each row.
        planted: bool [n + m].
        values: float64 [n + m, d], NaN is a gap.
        filled: the same with gaps filled.
        learn: bool [n + m]; nothing planted is learned.
    """

    rows: NDArray[np.intp]
    planted: Bools
    values: Floats
    filled: Floats
    learn: Bools


class AnomalyInjector(RecordBank):
    """Plants a deviation every `EVERY` learned events of an entity, in one value after the other.

    Resets, dumps and loads as a detector's bank does. Arg of its constructor: capacity, the number
    of slots.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, RECORD)
        self.bytes_per_entity = RECORD.itemsize

    def plant(
        self, slots: Int32s, values: Floats, filled: Floats, scales: Floats, learn: Bools
    ) -> ScoringRequest:
        """Return the events with those planted before them.

        Args:
            slots: int32 [n], the slot of each event's entity.
            values: float64 [n, d]; NaN is a gap, and gaps are not moved.
            filled: float64 [n, d], the same with gaps filled.
            scales: float64 [n, d], the robust standard deviations before each event.
            learn: bool [n], which events count.
        """
        moves = np.empty(len(slots), np.int32)
        _plan(self.records, slots, values, scales, learn, moves)
        due = moves != 0
        rows = np.repeat(np.arange(len(slots)), 1 + due)
        planted = np.zeros(len(rows), np.bool_)
        planted[np.flatnonzero(due) + np.arange(np.count_nonzero(due))] = True
        of, column = rows[planted], np.abs(moves[due]) - 1
        distance = np.sign(moves[due]) * FAR * scales[of, column]
        moved, whole = values[rows], filled[rows]
        moved[planted, column] += distance
        whole[planted, column] += distance
        return ScoringRequest(rows, planted, moved, whole, learn[rows] & ~planted)


def _loop(  # pragma: no cover - runs compiled
    records: Any, slots: Int32s, values: Floats, scales: Floats, learns: Bools, moves: Int32s
) -> None:
    d = values.shape[1]
    for i in range(len(slots)):
        moves[i] = 0
        if not learns[i]:
            continue
        state = records[slots[i]]
        state.seen += 1
        turn, rest = divmod(state.seen, EVERY)
        if rest == 0:
            j = turn // 2 % d
            # Neither a gap nor a value without history can be moved.
            if values[i, j] == values[i, j] and scales[i, j] > 0.0:
                moves[i] = j + 1 if turn % 2 == 0 else -j - 1


_plan = kernel(_loop)

"""Probes: synthetic anomalies, copies of events in which one value is moved far away.

There are no labels that show which detectors see anomalies. Detectors therefore score probes, and
do not learn them, as in Goswami and others, Unsupervised Model Selection for Time-series Anomaly
Detection, ICLR 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.domain.batch import Bools, Floats, Int32s
from operators.kernels.record_bank import RecordBank, kernel

PROBE_INTERVAL_EVENTS = 32
"""Learned events of an entity between two probes."""
PROBE_DISTANCE = 8.0
"""Distance of a probe in robust standard deviations, upwards and downwards in turn."""

RECORD = np.dtype([("seen", "<u4")])


@dataclass(frozen=True, slots=True)
class ScoringRequest:
    """What the detectors score: n events in order, each of the m probes before its event.

    Attributes:
        rows: intp [n + m], index of the event of each row.
        planted: bool [n + m], which rows are probes.
        values: float64 [n + m, d], NaN is a gap.
        filled: the same with gaps filled.
        learn: bool [n + m]; probes are not learned.
    """

    rows: NDArray[np.intp]
    planted: Bools
    values: Floats
    filled: Floats
    learn: Bools


class AnomalyInjector(RecordBank):
    """Adds a probe every `PROBE_INTERVAL_EVENTS` learned events of an entity.

    The probes of an entity move one value after the other.

    Reset, dumped and loaded like the bank of a detector.

    Args:
        capacity: number of slots.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, RECORD)

    def inject(
        self, slots: Int32s, values: Floats, filled: Floats, scales: Floats, learn: Bools
    ) -> ScoringRequest:
        """Return the events together with the probes before them.

        Args:
            slots: int32 [n], the slot of each event's entity.
            values: float64 [n, d]; NaN is a gap, and gaps are not moved.
            filled: float64 [n, d], the same with gaps filled.
            scales: float64 [n, d], the robust standard deviations before each event.
            learn: bool [n], which events are learned.
        """
        moves = np.empty(len(slots), np.int32)
        _plan(self.records, slots, values, scales, learn, moves)
        due = moves != 0
        rows = np.repeat(np.arange(len(slots)), 1 + due)
        planted = np.zeros(len(rows), np.bool_)
        planted[np.flatnonzero(due) + np.arange(np.count_nonzero(due))] = True
        of, column = rows[planted], np.abs(moves[due]) - 1
        distance = np.sign(moves[due]) * PROBE_DISTANCE * scales[of, column]
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
        turn, rest = divmod(state.seen, PROBE_INTERVAL_EVENTS)
        if rest == 0:
            j = turn // 2 % d
            # A gap or a value without history cannot be moved.
            if values[i, j] == values[i, j] and scales[i, j] > 0.0:
                moves[i] = j + 1 if turn % 2 == 0 else -j - 1


_plan = kernel(_loop)

"""The explanation of a detector for its p-values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an explaining bank says of n events of d values.

    Attributes:
        scores: float64 [n], higher = more anomalous; NaN while an entity warms up.
        p_values: float64 [n], the share of normal events that are as far from normal; NaN likewise.
        onset_p_values: float64 [n], the share of normal events at which an anomaly begins that is
            as far from normal: that of the event where one begins or says something new, large
            where it goes on; NaN likewise.
        kinds: int8 [n], index into `engine.domain.kinds.KINDS` of the strongest evidence.
        contributions: float64 [n, d], each value's part in it; the parts of an event sum to 1.
        centers: float64 [n, d], the value expected at the event by that evidence; NaN for a gap.
        widths: float64 [n, d], half the width of the normal range around it.
        amounts: float64 [n], how much, for the kinds that have a measure of their own: for burst
            and calm the variation as a multiple of the usual one, for stuck the equal values in a
            row, for cadence the time between events as a multiple of the usual one, for shift,
            drift and season the mean of a minute, if that is what deviates; NaN for other kinds.
            None if the bank does not measure it.
    """

    scores: Floats
    p_values: Floats
    onset_p_values: Floats
    kinds: NDArray[np.int8]
    contributions: Floats
    centers: Floats
    widths: Floats
    amounts: Floats | None = None

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Explanation:
        """Return the rows that are marked, in their order, or those with the given numbers."""
        return Explanation(
            self.scores[rows],
            self.p_values[rows],
            self.onset_p_values[rows],
            self.kinds[rows],
            self.contributions[rows],
            self.centers[rows],
            self.widths[rows],
            None if self.amounts is None else self.amounts[rows],
        )

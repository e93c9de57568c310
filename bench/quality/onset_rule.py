"""The onset rule: alerts begin stories, and neighbours of an alert belong to its story.

An alert is a score that reaches the threshold when none did within the last 20 to 400 rows (3 % of
those seen), or that beats the last alert's by far. NAB's scorer takes each row for an alert of its
own; so a detector is seen as its scores are, and as a user would see them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST, GREATEST, SHARE = 20.0, 400.0, 0.03
BEATS = 3.0
"""In decimal powers of rarity, where a detector's scores are that."""
COMMON, RARE = 0.05, 2e-5
SWEPT = 60


def onsets(scores: Floats, threshold: float, beats: float = np.inf) -> Floats:
    """Return 1 where an alert begins and 0 elsewhere: float64 [n].

    Args:
        scores: float64 [n]; NaN never alerts.
        threshold: an alert is at least this.
        beats: a score greater than the last alert's by more is another story at once.
    """
    found = np.zeros(len(scores))
    last, peak = -np.inf, np.inf
    for row in np.flatnonzero(scores >= threshold).tolist():
        quiet = min(max(SHARE * row, LEAST), GREATEST)
        if row - last > quiet or scores[row] > peak + beats:
            found[row], last, peak = 1.0, row, scores[row]
    return found


def thresholds(scores: list[Floats]) -> Floats:
    """Return the thresholds to sweep: those that 5 % down to 1 in 50,000 of all scores reach."""
    known = np.concatenate(scores)
    shares = np.geomspace(COMMON, RARE, SWEPT)
    return np.unique(np.nanquantile(known, 1 - shares, method="higher"))[::-1]

"""Average precision: the mean precision over all anomalies, each at the score it is found at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def average_precision(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the sum of precision times the gain in recall over falling thresholds.

    Args:
        labels: bool [n], with at least one True.
        scores: float64 [n]; higher is more anomalous, equal ones are alerts together, no NaN.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, found = scores[order], np.cumsum(labels[order])
    last = np.append(ranked[1:] != ranked[:-1], True)
    above, found = np.flatnonzero(last) + 1, found[last]
    return float(np.diff(found, prepend=0) @ (found / above) / labels.sum())

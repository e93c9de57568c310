"""ROC AUC: how likely an anomaly scores above a normal event."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def roc_auc(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the area below the ROC curve, by ranks (Mann and Whitney); a tie counts one half.

    Args:
        labels: bool [n], with both values.
        scores: float64 [n]; higher is more anomalous, no NaN.
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    strange = int(labels.sum())
    beaten = ranks[labels].sum() - strange * (strange + 1) / 2
    return float(beaten / (strange * (len(labels) - strange)))

"""Delay: from the first row of an anomaly to the first alert in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.quality.runs import Runs


def delays(alerts: NDArray[np.bool_], anomalies: Runs) -> list[int]:
    """Return for each anomaly that has an alert the events before the first one.

    Args:
        alerts: bool [n].
        anomalies: first and last row of each.
    """
    inside = [np.flatnonzero(alerts[first : last + 1]) for first, last in anomalies]
    return [int(rows[0]) for rows in inside if len(rows)]

"""How often there are alerts: what a user has to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DAY = 86_400 * 1_000_000_000


def per_thousand(alerts: Sequence[NDArray[np.bool_]]) -> float:
    """Return alerts per thousand events over some series, each bool [n]."""
    return 1_000 * sum(int(a.sum()) for a in alerts) / sum(len(a) for a in alerts)


def per_day(alerts: Sequence[NDArray[np.bool_]], times: Sequence[NDArray[np.int64]]) -> float:
    """Return alerts per day and series; times are int64 [n], ns."""
    days = sum(float(when.max() - when.min()) / DAY for when in times)
    return sum(int(a.sum()) for a in alerts) / days

"""Runs: rows in a row that are all true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Runs = list[tuple[int, int]]
"""First and last row of each run, both inside."""


def runs_of(flags: NDArray[np.bool_]) -> Runs:
    """Return the runs of bool [n]."""
    edges = np.diff(flags.astype(np.int8), prepend=0, append=0)
    firsts, lasts = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))

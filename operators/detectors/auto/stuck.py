"""Stuck: a value that usually varies is constant.

A run of equal values is held against the runs that the value has had: their number and their log
lengths give the predictive probability of a longer one, as in `tail`.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
from numba import njit

from engine.domain.time_units import NS_PER_DAY

SHORTEST = 4
"""Runs of fewer equal values say nothing: sensors round, and messages repeat."""
PRIOR_RUNS, PRIOR_EXCESS = 4.0, 0.3
"""Runs taken for granted, and the sum of the log lengths, over `SHORTEST`, that they had."""
EDGE_EXCESS = 8.0
"""The same for 0, and for the least and the greatest value seen: there values rest by nature."""
CENSORED = 3.0
YOUNG_SHARE = 0.25
"""A run is not judged until the events before it are so many times more: its share of them."""
LEAST_P = 1e-300

STILL_EXCESS, MOSTLY_STILL = 8.0, 0.2
"""Sum added for each share of equal values above the second: a value that rests by nature."""
ANOMALY_P = 1e-5
"""A run as rare as this is not learned, unless it began at the time of day of the one before."""
SAME_TIME = 1 / 16
"""Part of a day by which the beginnings of two runs may differ for the same time of day."""

FIELDS = [
    ("run", "<u4"),
    ("runs", "<f4"),
    ("excess", "<f4"),
    ("longest", "<f4"),
    ("rarest", "<f4"),
    ("began", "<i8"),
    ("anomaly_began", "<i8"),
]


@njit(error_model="numpy")
def forget(state: Any) -> None:
    """Start afresh."""
    state.run = 0
    state.runs = 0.0
    state.excess = 0.0
    state.longest = 0.0
    state.rarest = 1.0
    state.began = 0
    state.anomaly_began = 0


@njit(error_model="numpy")
def p_value(state: Any, seen: int, at_edge: bool, still: float) -> float:
    """Return how rare a run as long as the present one is, in shares of events."""
    run = state.run + 1.0
    if run < SHORTEST + 2 or run > YOUNG_SHARE * seen or run <= state.longest:
        return 1.0
    excess = state.excess + (EDGE_EXCESS if at_edge else PRIOR_EXCESS)
    excess += STILL_EXCESS * max(still - MOSTLY_STILL, 0.0)
    rare = (1.0 + log(run / SHORTEST) / excess) ** -(state.runs + PRIOR_RUNS)
    return max(min((state.runs + 0.5) / seen * rare, 1.0), LEAST_P)


@njit(error_model="numpy")
def learn(state: Any, same: bool, p: float, seen: int, time: int) -> None:
    """Count a value that is, or is not, the same as the one before; `p` is that of its run."""
    if same:
        if state.run == 0:
            state.began = time
            state.rarest = 1.0
        state.run += 1
        state.rarest = min(state.rarest, np.float32(p))
        return
    run = state.run + 1.0
    state.run = 0
    if run < SHORTEST:
        return
    if state.rarest < ANOMALY_P:
        apart = abs(state.began - state.anomaly_began) / NS_PER_DAY
        scheduled = state.anomaly_began != 0 and abs(apart - round(apart)) < SAME_TIME
        state.anomaly_began = state.began
        if not scheduled or apart > 7.5:
            return
    mean = (state.excess + PRIOR_EXCESS) / (state.runs + PRIOR_RUNS) + 0.1
    excess = log((run + 1.0) / SHORTEST)
    first = run > 0.5 * seen
    state.excess += excess if first else min(excess, CENSORED * mean)
    state.runs += 1.0 if excess < CENSORED * mean else 0.0
    bound = run if first else min(run, 2.0 * state.longest + 30.0)
    state.longest = max(bound, 0.999 * state.longest)

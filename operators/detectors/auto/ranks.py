"""Ranks: how rare a raw evidence is among those of the same entity, in decimal powers.

Each evidence has a histogram of its logarithm. Only the peak of a run of large evidences is
counted, for neighbours tell the same story. Counts are halved now and then: what was once is
forgotten.
"""

from __future__ import annotations

from math import log, log10
from typing import Any

import numpy as np
from numba import njit

BINS = 33
PER_UNIT = 4.0
LEAST = -4.25
"""Bins cover exp(LEAST) and the BINS / PER_UNIT natural powers above it."""
RUN = 5
"""Rows after a peak that belong to its run."""
WEIGHT = 4
"""What an event adds to a count, so that it takes three halvings to be forgotten."""
HALVED_AT = 10_000 * WEIGHT
TAIL = 20.0
"""Events of the tail from which its slope is estimated,"""
PRIOR_SLOPE, PRIOR_EVENTS = 3.0, 5.0
"""drawn towards a usual one, as by so many events more."""
SHARED = 0.5
"""Of what lies beyond the largest, evidences tell each other's story."""
GREATEST = 6.0


def fields(evidences: int) -> list[tuple[Any, ...]]:
    """Return the fields of the record for so many evidences."""
    return [
        ("counts", "<u2", (evidences, BINS)),
        ("rows", "<u2", (evidences,)),
        ("largest", "<f4", (evidences,)),
        ("peak", "<f4", (evidences,)),
        ("since", "u1", (evidences,)),
    ]


@njit(error_model="numpy")
def place_of(x: float) -> float:
    """Return the place of an evidence above 0 in the histogram, in bins."""
    return min(max((log(x) - LEAST) * PER_UNIT, 0.0), BINS - 1e-6)


@njit(error_model="numpy")
def rarity_of(state: Any, j: int, x: float) -> float:
    """Return -log10 of the share of evidences j that were as large as x; 0 for x = 0.

    Beyond the largest seen it grows with the excess, for the share ends at 1 / rows.
    """
    if not x > 0.0:
        return 0.0
    rows = state.rows[j] / WEIGHT + 1.0
    largest = np.float64(state.largest[j])
    if 0.0 < largest < x:
        return log10(2.0 * rows) + min(slope_of(state, j) * log10(x / largest), GREATEST)
    place = place_of(x)
    own = int(place)
    above = state.counts[j, own] * (1.0 - (place - own))
    for k in range(own + 1, BINS):
        above += state.counts[j, k]
    return max(log10(rows / (max(above / WEIGHT, 1.0) + 0.5)), 0.0)


@njit(error_model="numpy")
def slope_of(state: Any, j: int) -> float:
    """Return the decimal powers that one more decimal power of an evidence is rarer by.

    Hill's estimator (Annals of Statistics 3, 1975) on the upper bins.
    """
    events, excess, k = 0.0, 0.0, BINS - 1
    while k >= 0 and events < TAIL:
        # Excess over the lower edge of the bins so far.
        excess += events / PER_UNIT
        own = state.counts[j, k] / WEIGHT
        excess += 0.5 * own / PER_UNIT
        events += own
        k -= 1
    return SHARED * (events + PRIOR_EVENTS) / (excess + PRIOR_EVENTS / PRIOR_SLOPE)


@njit(error_model="numpy")
def learn(state: Any, j: int, x: float) -> None:
    """Count evidence j, or move the count of its run's peak up to it."""
    state.rows[j] += WEIGHT
    state.since[j] = min(state.since[j] + 1, 255)
    if x > 0.0:
        peak = np.float64(state.peak[j])
        running = peak > 0.0 and state.since[j] <= RUN
        if not running or x > peak:
            if running:
                before = int(place_of(peak))
                state.counts[j, before] -= min(state.counts[j, before], WEIGHT)
            state.counts[j, int(place_of(x))] += WEIGHT
            state.peak[j] = x
            state.since[j] = 0
        if x > state.largest[j]:
            state.largest[j] = x
    if state.rows[j] >= HALVED_AT:
        _halve(state, j)


@njit(error_model="numpy")
def _halve(state: Any, j: int) -> None:
    state.rows[j] //= 2
    top = -1
    for k in range(BINS):
        state.counts[j, k] //= 2
        if state.counts[j, k] > 0:
            top = k
    # The largest is forgotten with its bin.
    edge = np.exp(LEAST + (top + 1) / PER_UNIT) if top >= 0 else 0.0
    state.largest[j] = min(np.float64(state.largest[j]), edge)

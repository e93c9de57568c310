"""Curve: the scores that noise reaches, so that a score can be told in powers of ten."""

from __future__ import annotations

from math import log2

from numba import njit

from engine.domain.batch import Floats

FIRST, APART = 2.0, 0.25
"""The rows of a curve are the scores at p = 10**-2, 10**-2.25, ..."""
EVENTS = 75.0
"""Events before, in the first column; twice as many in each next one."""
BEYOND = 0.5
"""Powers of the p-value for one of the score, beyond the last row: so it is for most noise."""


@njit(error_model="numpy")
def power_of(score: float, seen: float, curve: Floats) -> float:
    """Return -log10 of the p-value of a score.

    Args:
        score: 0 or more.
        seen: events that the entity had before.
        curve: float64 [levels, columns], the scores that stand for each level.
    """
    levels, columns = curve.shape
    place = min(max(log2(max(seen, 1.0) / EVENTS), 0.0), columns - 1.001)
    column = int(place)
    part = place - column
    below, power, width = 0.0, 0.0, FIRST
    for j in range(levels):
        bar = curve[j, column] + part * (curve[j, column + 1] - curve[j, column])
        if score < bar:
            return power + width * (score - below) / (bar - below)
        below, power, width = bar, power + width, APART
    return power + BEYOND * (score - below)

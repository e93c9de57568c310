"""Fixed combinations: one p-value per event from those of the detectors."""

from __future__ import annotations

import numpy as np

from engine.domain.batch import Floats
from engine.domain.pipeline import Combination
from operators.kernels.record_bank import kernel


def combine(p_values: Floats, how: Combination) -> Floats:
    """Combine p-values, leaving out detectors that are not warm.

    Args:
        p_values: float64 [n, k]; NaN if a detector is not warm.
        how: "any": the smallest, times the number of warm detectors (Bonferroni);
            "all": the largest; "cauchy": the Cauchy combination, which allows for dependent
            detectors (Liu and Xie, JASA 115, 2020).

    Returns:
        float64 [n]; NaN if no detector is warm.
    """
    if p_values.shape[1] == 1:
        only: Floats = p_values[:, 0].copy()
        return only
    if how == "all":
        largest: Floats = np.fmax.reduce(p_values, axis=1)
        return largest
    if how == "cauchy":
        return _cauchy(p_values)
    corrected: Floats = _any(p_values)
    return corrected


def _smallest(p_values: Floats) -> Floats:  # pragma: no cover - runs compiled
    combined = np.empty(len(p_values))
    for i in range(len(p_values)):
        warm, smallest = 0, np.inf
        for p_value in p_values[i]:
            if p_value == p_value:
                warm += 1
                smallest = min(smallest, p_value)
        combined[i] = min(smallest * warm, 1.0) if warm else np.nan
    return combined


_any = kernel(_smallest)
"""Compiled: most batches are small, and four numpy passes would cost more than all the rest."""


def _cauchy(p_values: Floats) -> Floats:
    warm = np.count_nonzero(~np.isnan(p_values), axis=1)
    # tan((0.5 - p) * pi) loses all digits near p = 0, where it is 1 / (p * pi).
    small = p_values < 1e-12
    middle = np.tan((0.5 - np.where(small, 0.5, p_values)) * np.pi)
    total = np.nansum(np.where(small, 1 / (p_values * np.pi), middle), axis=1)
    statistic = np.where(warm > 0, total / np.maximum(warm, 1), np.nan)
    large = statistic > 1e12
    tail = 1 / (np.where(large, statistic, 1.0) * np.pi)
    combined: Floats = np.where(large, tail, 0.5 - np.arctan(statistic) / np.pi)
    return combined

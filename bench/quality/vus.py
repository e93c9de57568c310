"""VUS-PR: area below precision and recall, averaged over how much room labels are given.

Paparrizos, Boniol, Palpanas, Tsay, Elmore, Franklin: Volume Under the Surface, VLDB 2022; as TSB-AD
computes it. A label of width w weighs sqrt(1 - distance / w) up to w/2 rows around each anomaly, so
that an alert shortly before or after is not quite false. Recall is multiplied by the share of the
anomalies, each with its room, that have any alert.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.quality.runs import Runs, runs_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

THRESHOLDS = 250


def vus_pr(labels: Bools, scores: Floats, widest: int = 100) -> float:
    """Return the volume, averaged over the widths 0, 1, ... `widest`.

    Args:
        labels: bool [n], with at least one True.
        scores: float64 [n]; higher is more anomalous, no NaN.
        widest: in rows.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    cuts = np.linspace(0, len(scores) - 1, THRESHOLDS).astype(int)
    above = np.searchsorted(-ranked, -ranked[cuts], side="right")
    runs, inside = runs_of(labels), np.cumsum(labels[order])[above - 1]
    areas = []
    for width in range(widest + 1):
        room = _room(labels, runs, width)
        around = np.cumsum(room[order])[above - 1]
        reached = _reached(scores, runs, width // 2, ranked[cuts])
        recall = np.minimum((inside + around) / (labels.sum() + around / 2), 1.0) * reached
        precision = (inside + around) / above
        areas.append(float(np.diff(recall, prepend=0.0) @ precision))
    return float(np.mean(areas))


def _room(labels: Bools, runs: Runs, width: int) -> Floats:
    """Return what rows outside the labels weigh: float64 [n]."""
    weight, half = np.zeros(len(labels)), width // 2
    for first, last in runs:
        after = np.arange(last + 1, min(last + half + 1, len(labels)))
        before = np.arange(max(first - half, 0), first)
        weight[after] += np.sqrt(1 - (after - last) / width)
        weight[before] += np.sqrt(1 - (first - before) / width)
    return np.where(labels, 0.0, np.minimum(weight, 1.0))


def _reached(scores: Floats, runs: Runs, half: int, thresholds: Floats) -> Floats:
    """Return at each threshold the share of the anomalies that have an alert in their room.

    Anomalies whose rooms have rows in common count as one.
    """
    joined = [list(runs[0])]
    for first, last in runs[1:]:
        if joined[-1][1] + half < first - half:
            joined.append([first, last])
        else:
            joined[-1][1] = last
    peaks = [scores[max(first - half, 0) : last + half + 1].max() for first, last in joined]
    shares: Floats = np.mean(np.array(peaks)[:, None] >= thresholds, axis=0)
    return shares

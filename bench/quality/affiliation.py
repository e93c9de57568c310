"""Affiliation precision and recall: how near alerts are to anomalies, against alerts at random.

Huet, Navarro, Rossi: Local Evaluation of Time Series Anomaly Detection Algorithms, KDD 2022. The
time is cut half way between anomalies. In each zone precision is the mean over alerts of the
probability that a random moment is no nearer to the anomaly; recall the mean over the anomaly of
the probability that a random alert is further away than the nearest one. Row i is the time
i to i + 1. Both integrands are linear between the knots, so the trapezoid rule is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.quality.runs import runs_of

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Span = tuple[float, float]


class Affiliation(NamedTuple):
    """Precision is NaN if there is no alert."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Return the harmonic mean."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def affiliation(labels: Bools, alerts: Bools) -> Affiliation:
    """Return precision, the mean over zones with an alert, and recall, the mean over all zones.

    Args:
        labels: bool [n], with at least one True.
        alerts: bool [n].
    """
    anomalies, alarms = _spans(labels), _spans(alerts)
    middles = [(before[1] + after[0]) / 2 for before, after in pairwise(anomalies)]
    zones = pairwise([0.0, *middles, float(len(labels))])
    precisions, recalls = [], []
    for zone, anomaly in zip(zones, anomalies, strict=True):
        inside = [
            _cut(alarm, zone) for alarm in alarms if alarm[1] > zone[0] and alarm[0] < zone[1]
        ]
        if inside:
            precisions.append(_precision(zone, anomaly, inside))
        recalls.append(_recall(zone, anomaly, inside) if inside else 0.0)
    precision = float(np.mean(precisions)) if precisions else float("nan")
    return Affiliation(precision, float(np.mean(recalls)))


def _spans(flags: Bools) -> list[Span]:
    return [(float(first), last + 1.0) for first, last in runs_of(flags)]


def _cut(span: Span, to: Span) -> Span:
    return max(span[0], to[0]), min(span[1], to[1])


def _precision(zone: Span, anomaly: Span, alarms: list[Span]) -> float:
    (begin, end), (first, last) = zone, anomaly
    room, width = end - begin, last - first

    def further(at: Floats) -> Floats:
        """Return how likely a random moment is at least as far from the anomaly as these are."""
        far = np.maximum(first - at, at - last)
        nearer = width + np.minimum(far, first - begin) + np.minimum(far, end - last)
        return 1 - nearer / room

    total, knots = 0.0, [first - (end - last), last + (first - begin)]
    for alarm in alarms:
        low, high = _cut(alarm, anomaly)
        total += max(high - low, 0.0)
        total += _integral(further, (alarm[0], min(alarm[1], first)), knots)
        total += _integral(further, (max(alarm[0], last), alarm[1]), knots)
    return total / sum(high - low for low, high in alarms)


def _recall(zone: Span, anomaly: Span, alarms: list[Span]) -> float:
    begin, end = zone
    lows, highs = np.array(alarms).T

    def further(at: Floats) -> Floats:
        """Return how likely a random alert is further away than the nearest one."""
        gaps = np.maximum(lows - at[:, None], at[:, None] - highs)
        far = np.maximum(gaps, 0.0).min(axis=1)
        near = np.minimum(far, at - begin) + np.minimum(far, end - at)
        return np.asarray(1 - near / (end - begin), np.float64)

    between = (highs[:-1] + lows[1:]) / 2
    knots = np.concatenate([lows, highs, between, (end + highs) / 2, (begin + lows) / 2])
    return _integral(further, anomaly, knots.tolist()) / (anomaly[1] - anomaly[0])


def _integral(function: Callable[[Floats], Floats], span: Span, knots: list[float]) -> float:
    low, high = span
    if high <= low:
        return 0.0
    at = np.unique([low, high, *(knot for knot in knots if low < knot < high)])
    return float(np.trapezoid(function(at), at))

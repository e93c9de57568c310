"""Ranking: the score of an event, from its current and recent evidence.

A p-value is the rarity of one event. The score ranks events, so that all events of an anomaly rank
above normal ones. It sums

    the evidence on this event, in decimal powers of rarity,
    the mean evidence of the last events,
    the size of the forecast errors of the last events,
    the distance of their course from earlier ones: `shape` of one value, `neighbours` of several;

the last two in standard deviations of their own logarithms, because a distance ranks better than
its rank. If events have no order, recent events carry no information about this one. Recent terms
are therefore weighted by the agreement of neighbouring events of several values.

Only p-values decide what is published.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from operators.detectors.auto import gauge
from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight

RECENT_EVENTS = 12.0
"""Memory of the recent means in events."""
NOW = 0.6
"""Weight of the evidence on this event when the recent terms have full weight."""
MOST_POWERS = 5.0
"""Largest evidence of one event in the mean, in decimal powers."""
LEAST_DEVIATION, MOST_DEVIATION = -1.0, 6.0
"""Bounds of the terms in standard deviations."""
MEMORY_EVENTS = 10_000.0
"""Memory of the usual errors and distances in events: large, so that a long anomaly does not
become usual."""
LEAST_ERROR, MOST_ERROR = 1e-4, 1e12
"""Bounds of a mean squared error."""
AGREEMENT = 0.4
"""Correlation of neighbouring distances at which the recent terms have full weight."""
AGREEMENT_EVENTS = 1_000.0
CLIP = 3.0
"""Largest deviation of a logarithm that enters the correlation."""

RECORD = np.dtype(
    [
        ("evidence", "<f4"),
        ("error", "<f4"),
        ("error_gauge", gauge.RECORD),
        ("distance", "<f4"),
        ("distance_gauge", gauge.RECORD),
        ("center", "<f4"),
        ("spread", "<f4"),
        ("carried", "<f4"),
        ("last", "<f4"),
    ]
)


@kernel_part
def score(
    state: Any, evidence: float, error: float, distance_log: float, ordered: bool, learns: bool
) -> float:
    """Return the score of an event, and learn it.

    Args:
        state: the record.
        evidence: decimal powers of rarity.
        error: mean squared forecast error, in mean errors.
        distance_log: logarithm of the distance to the neighbours; NaN if there is no new one.
        ordered: whether events are known to be in order, as with one value.
        learns: False scores without learning.
    """
    weight = 1.0 if ordered else _agreement(state)
    recent = state.evidence + (min(evidence, MOST_POWERS) - state.evidence) / RECENT_EVENTS
    events = 1.0 + (RECENT_EVENTS - 1.0) * weight
    squared = state.error + (min(error, MOST_ERROR) - state.error) / events
    error_log = 0.5 * log(squared + LEAST_ERROR)
    off = gauge.deviation(state.error_gauge, error_log)
    far = np.float64(state.distance)
    if not np.isnan(distance_log):
        far = gauge.deviation(state.distance_gauge, distance_log)
    if learns:
        state.evidence = recent
        state.error = squared
        state.distance = far
        gauge.learn(state.error_gauge, error_log, MEMORY_EVENTS)
        gauge.learn(state.distance_gauge, distance_log, MEMORY_EVENTS)
        if not ordered and not np.isnan(distance_log):
            _compare(state, distance_log)
    now = evidence * (1.0 - (1.0 - NOW) * weight)
    return now + weight * recent + _bounded(off) + _bounded(far)


@kernel_part
def _bounded(deviation: float) -> float:
    return min(max(deviation, LEAST_DEVIATION), MOST_DEVIATION)


@kernel_part
def _agreement(state: Any) -> float:
    """Return the agreement of the distances of neighbouring events: 0 to 1."""
    if not state.spread > 0.0:
        return 0.0
    correlation = max(np.float64(state.carried) / state.spread, 0.0)
    return min((correlation / AGREEMENT) ** 2, 1.0)


@kernel_part
def _compare(state: Any, distance_log: float) -> None:
    """Learn the agreement of a distance with the one before."""
    rate = newest_weight(state.distance_gauge.events + 1.0, AGREEMENT_EVENTS)
    off = min(max(distance_log - state.center, -CLIP), CLIP)
    state.spread += rate * (off * off - state.spread)
    state.carried += rate * (off * state.last - state.carried)
    state.center += rate * off
    state.last = off

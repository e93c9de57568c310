"""Several values: the evidences of an event as a whole asked, ranked, and learned."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Bools, Floats, Int32s
from operators.detectors.auto import dice, level, nearness, ranks, reach
from operators.detectors.native import Records, kernel

REACH, FAR, SPREAD, LASTING = range(4)
EVIDENCES = 4
WARM_UP = 50
"""Events before the first score."""
FAR_OFF = 1e30
"""Bound of what is kept as float32."""
LATELY = 2 / 11
"""Weight of the newest distance in the lasting one."""
PERSISTENCE_MEMORY = 1_000.0
LEAST_DISTANCE = 1e-3
NOISE = np.array(
    [
        [2.82, 3.04, 2.95, 2.24, 2.06, 2.05, 2.06, 2.07, 2.08],
        [3.00, 3.27, 3.41, 3.25, 2.42, 2.31, 2.31, 2.32, 2.33],
        [3.15, 3.50, 3.73, 3.76, 3.56, 2.60, 2.54, 2.54, 2.55],
        [3.28, 3.69, 4.00, 4.20, 4.04, 3.87, 2.81, 2.75, 2.75],
        [3.40, 3.85, 4.24, 4.52, 4.65, 4.39, 4.13, 3.07, 2.99],
        [3.52, 3.99, 4.44, 4.79, 5.00, 5.07, 4.74, 3.94, 3.35],
        [3.62, 4.11, 4.63, 5.04, 5.31, 5.47, 5.48, 5.08, 3.75],
        [3.71, 4.23, 4.80, 5.26, 5.58, 5.85, 5.92, 5.66, 5.61],
        [3.78, 4.33, 4.94, 5.43, 5.83, 6.16, 6.31, 6.37, 6.15],
        [3.86, 4.45, 5.06, 5.59, 6.02, 6.39, 6.67, 6.77, 7.00],
        [3.91, 4.55, 5.17, 5.71, 6.16, 6.63, 6.92, 7.10, 7.36],
        [3.97, 4.63, 5.25, 5.82, 6.29, 6.79, 7.14, 7.36, 7.67],
        [4.03, 4.70, 5.35, 5.94, 6.40, 6.92, 7.33, 7.56, 7.93],
        [4.08, 4.79, 5.44, 6.03, 6.52, 7.07, 7.48, 7.71, 8.13],
        [4.15, 4.87, 5.53, 6.11, 6.61, 7.16, 7.62, 7.84, 8.31],
        [4.15, 5.14, 5.60, 6.22, 6.70, 7.25, 7.75, 7.94, 8.45],
        [4.15, 5.14, 5.72, 6.30, 6.80, 7.38, 7.84, 8.12, 8.62],
    ]
)
"""What noise reaches: the mean over five kinds, as `bench.noise --values 3` measures it."""


def record(d: int) -> np.dtype[np.void]:
    """Return the record of d values."""
    return np.dtype(
        [
            *((name, "<f8", (d,)) for name in ("origin", "mean", "variance", "low", "high")),
            ("known", "<u4", (d,)),
            ("seen", "<u4"),
            *nearness.fields(d),
            *((name, "<f4") for name in ("lasting", "center", "spread", "carried", "last")),
            *dice.FIELDS,
            *ranks.fields(EVIDENCES),
        ]
    )


@njit(error_model="numpy")
def prepare(state: Any, x: Floats, offsets: Floats, scales: Floats) -> None:
    """Write each value from its origin, and its scale; a gap lies at its mean."""
    for j in range(len(x)):
        scales[j] = level.scale_of(state.mean[j], state.variance[j])
        value = state.mean[j] if np.isnan(x[j]) else level.bounded(x[j])
        offset = value - state.origin[j] if state.known[j] else 0.0
        offsets[j] = min(max(offset, -FAR_OFF), FAR_OFF)


@njit(error_model="numpy")
def ask(state: Any, x: Floats, offsets: Floats, scales: Floats, found: Floats) -> None:
    """Write the raw evidences of an event to found, float64 [4]; NaN where one is not ready."""
    farthest, squares, known = 0.0, 0.0, 0
    for j in range(len(x)):
        if not np.isnan(x[j]) and state.known[j]:
            value = level.bounded(x[j])
            excess = reach.beyond(value, state.low[j], state.high[j], scales[j])
            farthest = max(farthest, excess)
            z = min(abs(value - state.mean[j]) / scales[j], nearness.FARTHEST)
            squares += z * z
            known += 1
    found[REACH] = farthest
    found[SPREAD] = sqrt(squares / known) if known else np.nan
    far = nearness.distance(state, offsets, scales)
    found[FAR] = far
    kept = np.float64(state.lasting)
    found[LASTING] = exp(kept + LATELY * (log(far + LEAST_DISTANCE) - kept))


@njit(error_model="numpy")
def score(state: Any, found: Floats) -> float:
    """Return the sum of the rarities of raw evidences by the state as it is."""
    now = max(
        ranks.rarity_of(state, FAR, found[FAR]), ranks.rarity_of(state, SPREAD, found[SPREAD])
    )
    first = ranks.rarity_of(state, REACH, found[REACH])
    lasting = ranks.rarity_of(state, LASTING, found[LASTING])
    weight = min((persistence(state) / 0.4) ** 2, 1.0)
    return first + (1.0 - 0.7 * weight) * now + weight * lasting


@njit(error_model="numpy")
def persistence(state: Any) -> float:
    """Return the correlation of neighbouring distances, not below 0.

    Where events come in no order, what the last ones were like says nothing of this one.
    """
    return max(state.carried / state.spread, 0.0) if state.spread > 0.0 else 0.0


@njit(error_model="numpy")
def learn(state: Any, x: Floats, offsets: Floats, found: Floats) -> None:
    """Learn an event and its raw evidences."""
    for j in range(EVIDENCES):
        if state.seen > 0 and not np.isnan(found[j]):
            ranks.learn(state, j, found[j])
    far = found[FAR]
    if state.seen > 0 and not np.isnan(far):
        _persist(state, log(far + LEAST_DISTANCE))
        state.lasting = log(found[LASTING])
    nearness.learn(state, offsets, 0.0 if np.isnan(far) else far)
    for j in range(len(x)):
        if not np.isnan(x[j]):
            _learn_value(state, j, level.bounded(x[j]))
    state.seen = min(state.seen + 1, 2**31)


@njit(error_model="numpy")
def _persist(state: Any, distance: float) -> None:
    rate = max(1.0 / (state.seen + 1.0), 1.0 / PERSISTENCE_MEMORY)
    off = distance - state.center
    state.spread += rate * (off * off - state.spread)
    state.carried += rate * (off * state.last - state.carried)
    state.center += rate * off
    state.last = distance - state.center


@njit(error_model="numpy")
def _learn_value(state: Any, j: int, value: float) -> None:
    known = state.known[j]
    if known == 0:
        state.origin[j] = state.low[j] = state.high[j] = value
    state.low[j] = min(state.low[j], value)
    state.high[j] = max(state.high[j], value)
    mean, variance = level.moved(state.mean[j], state.variance[j], known, value)
    state.mean[j], state.variance[j] = mean, variance
    state.known[j] = min(known + 1, 2**31)


def _drive(  # pragma: no cover - runs compiled
    records: Records, slots: Int32s, values: Floats, learns: Bools, scores: Floats
) -> None:
    d = values.shape[1]
    found, offsets, scales = np.empty(EVIDENCES), np.empty(d), np.empty(d)
    for i in range(len(slots)):
        state, x = records[slots[i]], values[i]
        scores[i] = np.nan
        if np.all(np.isnan(x)):
            continue
        prepare(state, x, offsets, scales)
        if state.seen > 0:
            ask(state, x, offsets, scales, found)
        if state.seen >= WARM_UP:
            scores[i] = score(state, found)
        if learns[i]:
            learn(state, x, offsets, found)


drive = kernel(_drive, (dice, level, nearness, ranks, reach))

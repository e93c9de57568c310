"""Several values: the evidences of an event as a whole asked, ranked, and learned."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Bools, Floats, Int32s
from operators.detectors.auto import bulk, curve, dice, level, nearness, ranks, reach
from operators.kernels.record_bank import Records, kernel

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
FROM = 2.25
"""What lies beyond a score of so much is stretched, as the `bulk` says."""
NOISE = np.array(
    [
        [2.73, 2.97, 3.07, 2.17, 2.07, 2.07, 2.09, 2.10, 2.11],
        [2.87, 3.16, 3.33, 3.36, 2.34, 2.29, 2.30, 2.30, 2.31],
        [3.04, 3.35, 3.58, 3.80, 3.54, 2.53, 2.52, 2.51, 2.52],
        [3.18, 3.52, 3.82, 4.08, 4.26, 3.51, 2.79, 2.77, 2.75],
        [3.28, 3.66, 4.02, 4.37, 4.53, 4.67, 3.41, 3.05, 3.01],
        [3.36, 3.74, 4.19, 4.63, 4.87, 4.92, 5.04, 3.49, 3.26],
        [3.45, 3.83, 4.35, 4.84, 5.17, 5.24, 5.39, 5.37, 3.57],
        [3.52, 3.96, 4.50, 5.03, 5.42, 5.61, 5.79, 5.83, 5.63],
        [3.60, 4.05, 4.63, 5.19, 5.63, 5.91, 6.12, 6.23, 6.36],
        [3.67, 4.13, 4.76, 5.32, 5.79, 6.17, 6.42, 6.58, 6.80],
        [3.72, 4.22, 4.86, 5.44, 5.90, 6.41, 6.66, 6.91, 7.10],
        [3.76, 4.32, 4.93, 5.55, 6.02, 6.53, 6.90, 7.14, 7.38],
        [3.84, 4.38, 4.99, 5.67, 6.13, 6.67, 7.00, 7.28, 7.67],
        [3.89, 4.41, 5.08, 5.76, 6.22, 6.81, 7.10, 7.40, 7.90],
        [3.93, 4.43, 5.15, 5.83, 6.30, 6.96, 7.29, 7.50, 8.08],
        [3.98, 4.44, 5.28, 5.95, 6.35, 7.08, 7.46, 7.62, 8.31],
        [4.02, 4.51, 5.35, 5.98, 6.42, 7.18, 7.57, 7.71, 8.49],
    ]
)
"""What noise of six kinds together reaches, as `bench.noise --values 3` measures it."""


def record(d: int) -> np.dtype[np.void]:
    """Return the record of d values."""
    return np.dtype(
        [
            *((name, "<f8", (d,)) for name in ("origin", "mean", "variance", "low", "high")),
            ("known", "<u4", (d,)),
            ("seen", "<u4"),
            *nearness.fields(d),
            *bulk.FIELDS,
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
def power_of(state: Any, score: float) -> float:
    """Return -log10 of how often alerts would begin at such a score in noise of this kind.

    Args:
        state: the entity's record.
        score: by the record as it is.
    """
    left = score - bulk.stretch(state) * max(score - FROM, 0.0)
    return curve.power_of(max(left, 0.0), state.seen, NOISE)


@njit(error_model="numpy")
def learn(state: Any, x: Floats, offsets: Floats, scales: Floats, found: Floats) -> None:
    """Learn an event and its raw evidences."""
    for j in range(EVIDENCES):
        if state.seen > 0 and not np.isnan(found[j]):
            ranks.learn(state, j, found[j])
    far = found[FAR]
    if state.seen > 0 and not np.isnan(far):
        _persist(state, log(far + LEAST_DISTANCE))
        state.lasting = log(found[LASTING])
    nearness.learn(state, offsets, 0.0 if np.isnan(far) else far)
    bulk.learn(state, x, scales, found[SPREAD])
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
    records: Records,
    slots: Int32s,
    values: Floats,
    learns: Bools,
    scores: Floats,
    powers: Floats,
) -> None:
    d = values.shape[1]
    found, offsets, scales = np.empty(EVIDENCES), np.empty(d), np.empty(d)
    for i in range(len(slots)):
        state, x = records[slots[i]], values[i]
        scores[i] = powers[i] = np.nan
        if np.all(np.isnan(x)):
            continue
        prepare(state, x, offsets, scales)
        if state.seen > 0:
            ask(state, x, offsets, scales, found)
        if state.seen >= WARM_UP:
            scores[i] = score(state, found)
            powers[i] = power_of(state, scores[i])
        if learns[i]:
            learn(state, x, offsets, scales, found)


drive = kernel(_drive, (bulk, curve, dice, level, nearness, ranks, reach))

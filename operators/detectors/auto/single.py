"""One value: its evidences asked, ranked, and learned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Bools, Floats, Int32s, Int64s
from operators.detectors.auto import (
    cycle,
    dice,
    level,
    ranks,
    rarity,
    reach,
    season,
    shape,
    still,
    tails,
)
from operators.detectors.native import Records, kernel

REACH, NOW, LASTING, SEASON, SHAPE, STILL = range(6)
EVIDENCES = 6
WARM_UP = 50
"""Values before the first score."""
FAR = 1e30
"""Bound of what is kept as float32."""

NOISE = np.array(
    [
        [4.31, 3.93, 3.38, 3.38, 3.50, 3.64, 3.79, 3.70, 3.72],
        [4.75, 4.64, 4.30, 3.79, 3.80, 3.93, 4.07, 3.96, 3.98],
        [5.05, 5.21, 5.16, 4.68, 4.25, 4.28, 4.37, 4.21, 4.25],
        [5.32, 5.52, 5.88, 5.63, 5.07, 4.66, 4.74, 4.52, 4.56],
        [5.59, 5.75, 6.24, 6.46, 6.09, 5.42, 5.11, 4.85, 4.88],
        [5.79, 5.98, 6.50, 6.96, 7.04, 6.58, 5.80, 5.22, 5.22],
        [5.96, 6.21, 6.74, 7.27, 7.67, 7.52, 7.09, 5.80, 5.62],
        [6.09, 6.47, 6.99, 7.55, 8.05, 8.29, 8.03, 7.25, 6.06],
        [6.21, 6.69, 7.25, 7.80, 8.37, 8.73, 8.89, 8.15, 7.04],
        [6.28, 6.85, 7.52, 8.05, 8.64, 9.12, 9.48, 9.12, 8.56],
        [6.32, 6.99, 7.71, 8.33, 9.02, 9.57, 9.93, 9.75, 9.47],
        [6.40, 7.13, 7.88, 8.58, 9.26, 9.79, 10.24, 10.20, 10.33],
        [6.42, 7.21, 7.99, 8.74, 9.54, 10.21, 10.64, 10.52, 10.81],
    ]
)
"""What noise reaches: the mean over seven kinds, as `python -m bench.noise` measures it."""

RECORD = np.dtype(
    [
        *level.FIELDS,
        *reach.FIELDS,
        *rarity.FIELDS,
        *season.FIELDS,
        *cycle.FIELDS,
        *shape.FIELDS,
        *still.FIELDS,
        *dice.FIELDS,
        ("origin", "<f8"),
        *ranks.fields(EVIDENCES),
    ]
)


@njit(error_model="numpy")
def ask(state: Any, value: float, time: int, timed: bool, found: Floats) -> None:
    """Write the raw evidences of a value to found, float64 [6]; NaN where one is not ready."""
    scale = level.scale_of(state.mean, state.variance)
    offset = min(max(value - state.origin, -FAR), FAR)
    found[REACH] = reach.beyond(value, state.low, state.high, scale)
    surprised = rarity.surprise(state, (value - state.mean) / scale)
    kept = np.float64(state.surprise_now)
    found[NOW] = kept + rarity.NOW * (surprised - kept)
    kept = np.float64(state.surprise_lasting)
    found[LASTING] = kept + rarity.LASTING * (surprised - kept)
    found[SEASON] = out_of_season(state, offset, time, timed, scale)
    found[SHAPE] = shape.distance(state, offset, scale)
    found[STILL] = still.missed(state, offset, state.tail[-1])


@njit(error_model="numpy")
def out_of_season(state: Any, offset: float, time: int, timed: bool, scale: float) -> float:
    """Return the error of the calendar, or of the cycle found where that tells far more."""
    of_cycle = cycle.error(state, offset, time, scale)
    if not timed:
        return of_cycle
    better = state.season_errors == 0 or state.place_error < cycle.BETTER * state.season_error
    if better and not np.isnan(of_cycle):
        return of_cycle
    return season.error(state, offset, season.hour_of(time), scale)


@njit(error_model="numpy")
def score(state: Any, found: Floats) -> float:
    """Return the sum of the rarities of raw evidences by the state as it is."""
    now = max(
        ranks.rarity_of(state, NOW, found[NOW]),
        ranks.rarity_of(state, SEASON, found[SEASON]),
        ranks.rarity_of(state, SHAPE, found[SHAPE]),
        ranks.rarity_of(state, STILL, found[STILL]),
    )
    first = ranks.rarity_of(state, REACH, found[REACH])
    lasting = ranks.rarity_of(state, LASTING, found[LASTING])
    return first + now + lasting


@njit(error_model="numpy")
def learn(state: Any, value: float, time: int, timed: bool, found: Floats) -> None:
    """Learn a value and its raw evidences."""
    if state.seen == 0:
        state.origin = value
    else:
        for j in range(EVIDENCES):
            if not np.isnan(found[j]):
                ranks.learn(state, j, found[j])
    offset = min(max(value - state.origin, -FAR), FAR)
    z = (value - state.mean) / level.scale_of(state.mean, state.variance) if state.seen else 0.0
    rarity.learn(state, z, rarity.surprise(state, z))
    if timed:
        season.learn(state, offset, season.hour_of(time))
    cycle.learn(state, offset, z, time)
    still.learn(state, offset, state.tail[-1])
    shape.learn(state, offset)
    reach.learn(state, value)
    state.mean, state.variance = level.moved(state.mean, state.variance, state.seen, value)
    state.seen = min(state.seen + 1, 2**31)


def _drive(  # pragma: no cover - runs compiled
    records: Records,
    slots: Int32s,
    values: Floats,
    learns: Bools,
    times: Int64s,
    scores: Floats,
    told: Floats,
) -> None:
    found, timed = np.empty(EVIDENCES), len(times) > 0
    for i in range(len(slots)):
        state, value = records[slots[i]], level.bounded(values[i, 0])
        scores[i] = told[i] = np.nan
        if np.isnan(values[i, 0]):
            continue
        time = times[i] if timed else np.int64(state.seen)
        if state.seen > 0:
            ask(state, value, time, timed, found)
        if state.seen >= WARM_UP:
            scores[i] = score(state, found)
            told[i] = max(scores[i] - tails.excess(state), 0.0)
        if learns[i]:
            learn(state, value, time, timed, found)


drive = kernel(_drive, (cycle, dice, level, ranks, rarity, reach, season, shape, still, tails))

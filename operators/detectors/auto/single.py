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
        [4.32, 3.93, 3.39, 3.38, 3.50, 3.63, 3.79, 3.71, 3.72],
        [4.75, 4.65, 4.29, 3.79, 3.80, 3.92, 4.06, 3.96, 3.98],
        [5.05, 5.21, 5.15, 4.68, 4.25, 4.28, 4.36, 4.21, 4.25],
        [5.32, 5.52, 5.87, 5.63, 5.06, 4.66, 4.73, 4.52, 4.56],
        [5.58, 5.76, 6.24, 6.48, 6.10, 5.39, 5.10, 4.85, 4.89],
        [5.78, 5.99, 6.50, 6.97, 7.04, 6.57, 5.75, 5.22, 5.22],
        [5.94, 6.22, 6.73, 7.27, 7.67, 7.56, 7.05, 5.80, 5.61],
        [6.07, 6.48, 6.99, 7.56, 8.05, 8.35, 7.98, 7.22, 6.06],
        [6.18, 6.68, 7.25, 7.81, 8.37, 8.80, 8.83, 8.18, 7.48],
        [6.27, 6.85, 7.51, 8.05, 8.64, 9.23, 9.44, 9.03, 8.58],
        [6.32, 7.00, 7.72, 8.32, 8.99, 9.63, 9.92, 9.69, 9.49],
        [6.40, 7.14, 7.88, 8.57, 9.25, 10.05, 10.24, 10.11, 10.27],
        [6.41, 7.23, 8.01, 8.76, 9.53, 10.27, 10.53, 10.45, 10.69],
        [6.43, 7.33, 8.13, 8.89, 9.69, 10.44, 10.91, 11.00, 11.18],
        [6.47, 7.41, 8.23, 9.05, 9.83, 10.53, 11.10, 11.25, 11.61],
        [6.47, 7.48, 8.29, 9.10, 9.95, 10.63, 11.27, 11.42, 11.84],
        [6.47, 7.48, 8.54, 9.25, 10.06, 10.78, 11.44, 11.58, 12.06],
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
            told[i] = max(scores[i] - tails.excess(state, scores[i]), 0.0)
        if learns[i]:
            learn(state, value, time, timed, found)


drive = kernel(_drive, (cycle, dice, level, ranks, rarity, reach, season, shape, still, tails))

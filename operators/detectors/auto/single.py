"""One value: its evidences asked, ranked, and learned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Bools, Floats, Int32s, Int64s
from operators.detectors.auto import (
    curve,
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
    told,
    turns,
)
from operators.kernels.record_bank import Records, kernel

REACH, NOW, LASTING, SEASON, SHAPE, STILL = range(6)
EVIDENCES = 6
WARM_UP = 50
"""Values before the first score."""
FAR = 1e30
"""Bound of what is kept as float32."""

NOISE = np.array(
    [
        [4.51, 4.46, 3.43, 3.44, 3.55, 3.53, 3.97, 3.68, 3.73],
        [4.80, 4.91, 4.71, 3.78, 3.84, 3.85, 4.21, 3.95, 4.02],
        [4.99, 5.26, 5.52, 5.15, 4.15, 4.16, 4.48, 4.23, 4.29],
        [5.32, 5.40, 5.99, 6.11, 5.52, 4.51, 4.84, 4.48, 4.58],
        [5.61, 5.60, 6.16, 6.73, 6.52, 5.89, 5.35, 4.81, 4.91],
        [5.80, 5.79, 6.37, 6.93, 7.24, 6.95, 6.67, 5.13, 5.25],
        [5.87, 6.13, 6.57, 7.14, 7.61, 7.78, 7.84, 5.71, 5.58],
        [5.90, 6.47, 6.77, 7.36, 7.85, 8.34, 8.23, 7.38, 6.04],
        [5.95, 6.60, 7.11, 7.57, 8.12, 8.56, 8.97, 8.37, 6.99],
        [6.01, 6.67, 7.40, 7.85, 8.38, 8.81, 9.54, 9.02, 8.54],
        [6.03, 6.80, 7.58, 8.13, 8.69, 9.17, 10.00, 9.60, 9.45],
        [6.04, 6.88, 7.69, 8.38, 9.01, 9.70, 10.32, 9.96, 10.18],
        [6.06, 6.91, 7.78, 8.55, 9.28, 10.07, 10.61, 10.38, 10.70],
        [6.07, 6.92, 7.90, 8.66, 9.49, 10.16, 10.92, 10.71, 11.27],
        [6.08, 6.93, 8.00, 8.76, 9.59, 10.25, 11.17, 11.06, 11.67],
        [6.08, 6.94, 8.07, 8.81, 9.74, 10.29, 11.35, 11.52, 12.05],
        [6.09, 6.96, 8.13, 8.90, 9.86, 10.34, 11.40, 11.73, 12.42],
    ]
)
"""What noise of seven kinds together reaches, as `python -m bench.noise` measures it."""

RECORD = np.dtype(
    [
        *level.FIELDS,
        *reach.FIELDS,
        *rarity.FIELDS,
        *season.FIELDS,
        *cycle.FIELDS,
        *shape.FIELDS,
        *still.FIELDS,
        *turns.FIELDS,
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
    turns.learn(state, offset)
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
    powers: Floats,
) -> None:
    found, timed = np.empty(EVIDENCES), len(times) > 0
    for i in range(len(slots)):
        state, value = records[slots[i]], level.bounded(values[i, 0])
        scores[i] = powers[i] = np.nan
        if np.isnan(values[i, 0]):
            continue
        time = times[i] if timed else np.int64(state.seen)
        if state.seen > 0:
            ask(state, value, time, timed, found)
        if state.seen >= WARM_UP:
            scores[i] = score(state, found)
            powers[i] = told.power_of(state, scores[i], NOISE)
        if learns[i]:
            learn(state, value, time, timed, found)


drive = kernel(
    _drive,
    (curve, cycle, dice, level, ranks, rarity, reach, season, shape, still, tails, told, turns),
)

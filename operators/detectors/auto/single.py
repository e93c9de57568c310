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
from operators.detectors.native import Records, kernel

REACH, NOW, LASTING, SEASON, SHAPE, STILL = range(6)
EVIDENCES = 6
WARM_UP = 50
"""Values before the first score."""
FAR = 1e30
"""Bound of what is kept as float32."""

NOISE = np.array(
    [
        [4.51, 4.46, 3.42, 3.44, 3.54, 3.53, 3.98, 3.69, 3.73],
        [4.80, 4.91, 4.70, 3.79, 3.85, 3.85, 4.20, 3.94, 4.02],
        [4.99, 5.28, 5.51, 5.10, 4.15, 4.18, 4.49, 4.25, 4.29],
        [5.32, 5.41, 6.01, 6.19, 5.49, 4.52, 4.81, 4.47, 4.58],
        [5.61, 5.60, 6.16, 6.79, 6.58, 5.89, 5.26, 4.84, 4.91],
        [5.79, 5.79, 6.37, 6.93, 7.28, 7.14, 6.56, 5.14, 5.25],
        [5.87, 6.12, 6.57, 7.13, 7.61, 7.87, 7.74, 5.72, 5.59],
        [5.90, 6.47, 6.75, 7.37, 7.85, 8.32, 8.22, 7.57, 6.03],
        [5.95, 6.62, 7.10, 7.58, 8.14, 8.52, 8.94, 8.39, 6.99],
        [6.01, 6.68, 7.44, 7.84, 8.35, 8.81, 9.55, 8.99, 8.53],
        [6.03, 6.79, 7.60, 8.12, 8.65, 9.12, 10.02, 9.48, 9.42],
        [6.04, 6.87, 7.71, 8.39, 8.95, 9.65, 10.29, 9.88, 10.15],
        [6.05, 6.89, 7.79, 8.58, 9.25, 10.06, 10.62, 10.29, 10.66],
        [6.07, 6.92, 7.91, 8.66, 9.48, 10.14, 10.99, 10.66, 11.30],
        [6.07, 6.93, 8.02, 8.76, 9.57, 10.24, 11.31, 11.04, 11.81],
        [6.08, 6.94, 8.09, 8.82, 9.71, 10.31, 11.46, 11.54, 12.33],
        [6.09, 6.96, 8.14, 8.92, 9.82, 10.39, 11.71, 11.73, 12.66],
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
    (
        *(curve, cycle, dice, level, ranks, rarity, reach, season, shape, still, tails),
        *(told, turns),
    ),
)

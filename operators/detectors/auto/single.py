"""One value: its evidences asked, ranked, and learned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Bools, Floats, Int32s, Int64s
from operators.detectors.auto import cycle, dice, level, ranks, rarity, reach, season, shape, still
from operators.detectors.native import Records, kernel

REACH, NOW, LASTING, SEASON, SHAPE, STILL = range(6)
EVIDENCES = 6
WARM_UP = 50
"""Values before the first score."""
FAR = 1e30
"""Bound of what is kept as float32."""

NOISE = np.array(
    [
        [4.42, 4.06, 3.52, 3.51, 3.56, 3.67, 3.81, 3.72, 3.73],
        [5.13, 5.31, 5.27, 4.81, 4.31, 4.31, 4.39, 4.23, 4.26],
        [5.64, 5.87, 6.36, 6.60, 6.17, 5.48, 5.12, 4.87, 4.89],
        [6.01, 6.33, 6.86, 7.38, 7.73, 7.59, 7.07, 5.82, 5.63],
        [6.25, 6.84, 7.41, 7.93, 8.43, 8.72, 8.92, 8.25, 6.96],
        [6.38, 7.13, 7.89, 8.46, 9.06, 9.64, 9.90, 9.78, 9.44],
        [6.48, 7.32, 8.17, 8.85, 9.60, 10.25, 10.60, 10.54, 10.82],
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
) -> None:
    found, timed = np.empty(EVIDENCES), len(times) > 0
    for i in range(len(slots)):
        state, value = records[slots[i]], level.bounded(values[i, 0])
        scores[i] = np.nan
        if np.isnan(values[i, 0]):
            continue
        time = times[i] if timed else np.int64(state.seen)
        if state.seen > 0:
            ask(state, value, time, timed, found)
        if state.seen >= WARM_UP:
            scores[i] = score(state, found)
        if learns[i]:
            learn(state, value, time, timed, found)


drive = kernel(_drive, (cycle, dice, level, ranks, rarity, reach, season, shape, still))

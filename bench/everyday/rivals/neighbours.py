"""Nearest neighbours in a reservoir of each entity.

One value: the last 32 values against 256 such shingles, the distance over its usual one. Several:
the standardised vector against 64 of them, times the root mean square of z.
"""

from __future__ import annotations

import numpy as np

from bench.everyday.rivals.compiled import compiled
from bench.everyday.rivals.z_score import standardise
from bench.everyday.stream import Floats, Int32s, Stream

SHINGLE, SHINGLES, VECTORS = 32, 256, 64
WARM, FORGET = 64, 0.002


def score_neighbours(stream: Stream) -> tuple[Floats, Int32s]:
    """Return the score of each event, NaN in its warm-up, and the value farthest off."""
    entities = int(stream.keys.max()) + 1
    if stream.values.shape[1] == 1:
        column = np.ascontiguousarray(stream.values[:, 0])
        return _shingles(stream.keys, column, entities), np.zeros(len(column), np.int32)
    scores, blamed, z = standardise(stream.keys, stream.values, entities)
    return _vectors(stream.keys, z, entities) * scores, blamed


@compiled
def _shingles(keys: Int32s, values: Floats, entities: int) -> Floats:
    np.random.seed(1)
    n = len(keys)
    scores = np.full(n, np.nan)
    recent = np.zeros((entities, 2 * SHINGLE))
    kept = np.zeros((entities, SHINGLES, SHINGLE))
    count, usual = np.zeros(entities, np.int64), np.zeros(entities)
    seen = np.zeros(entities, np.int64)
    for i in range(n):
        e = keys[i]
        place = seen[e] % SHINGLE
        # Written twice, so that the last SHINGLE values always lie side by side.
        recent[e, place] = recent[e, place + SHINGLE] = values[i]
        seen[e] += 1
        if seen[e] < SHINGLE:
            continue
        own = recent[e, place + 1 : place + 1 + SHINGLE]
        if count[e] >= WARM:
            distance = _nearest(own, kept[e, : min(count[e], SHINGLES)])
            if count[e] >= 2 * WARM and usual[e] > 0:
                scores[i] = distance / usual[e]
            weight = max(FORGET, 1.0 / (count[e] - WARM + 1))
            usual[e] += weight * (distance - usual[e])
        _keep(kept[e], own, count[e])
        count[e] += 1
    return scores


@compiled
def _vectors(keys: Int32s, z: Floats, entities: int) -> Floats:
    np.random.seed(1)
    n, d = z.shape
    distances = np.full(n, np.nan)
    kept, count = np.zeros((entities, VECTORS, d)), np.zeros(entities, np.int64)
    for i in range(n):
        e = keys[i]
        if count[e] >= VECTORS:
            distances[i] = _nearest(z[i], kept[e]) / np.sqrt(d)
        _keep(kept[e], z[i], count[e])
        count[e] += 1
    return distances


@compiled
def _nearest(own: Floats, kept: Floats) -> float:
    """Return the distance to the nearest, comparing the newest values first."""
    nearest = np.inf
    for k in range(len(kept)):
        distance = 0.0
        for j in range(len(own) - 1, -1, -1):
            off = own[j] - kept[k, j]
            distance += off * off
            if distance >= nearest:
                break
        nearest = min(nearest, distance)
    return float(np.sqrt(nearest))


@compiled
def _keep(kept: Floats, own: Floats, count: int) -> None:
    """Let a reservoir hold a uniform sample of what was seen."""
    place = count if count < len(kept) else np.random.randint(0, count + 1)
    if place < len(kept):
        kept[place] = own

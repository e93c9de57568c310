"""The exponentially weighted z-score; of several values the root of their mean square."""

from __future__ import annotations

import numpy as np

from bench.everyday.rivals.compiled import compiled
from bench.everyday.stream import Floats, Int32s, Stream

FORGET, WARM = 0.01, 50


def score_z(stream: Stream) -> tuple[Floats, Int32s]:
    """Return the score of each event, NaN in its warm-up, and the value farthest off."""
    scores, blamed, _ = standardise(stream.keys, stream.values, int(stream.keys.max()) + 1)
    return scores, blamed


@compiled
def standardise(keys: Int32s, values: Floats, entities: int) -> tuple[Floats, Int32s, Floats]:
    """Return RMS of z, the value of the largest, and z of each value, by what was before."""
    n, d = values.shape
    scores, blamed, z = np.full(n, np.nan), np.zeros(n, np.int32), np.zeros((n, d))
    mean, variance = np.zeros((entities, d)), np.zeros((entities, d))
    seen = np.zeros(entities, np.int64)
    for i in range(n):
        e = keys[i]
        weight = max(FORGET, 1.0 / (seen[e] + 1))
        total, most = 0.0, -1.0
        for j in range(d):
            off = values[i, j] - mean[e, j]
            own = off / np.sqrt(variance[e, j]) if variance[e, j] > 0 else 0.0
            z[i, j] = own
            total += own * own
            if abs(own) > most:
                most, blamed[i] = abs(own), j
            mean[e, j] += weight * off
            variance[e, j] = (1 - weight) * (variance[e, j] + weight * off * off)
        if seen[e] >= WARM:
            scores[i] = np.sqrt(total / d)
        seen[e] += 1
    return scores, blamed, z

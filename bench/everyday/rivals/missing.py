"""Missing values, which rivals cannot take: the last known one of the entity stands for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.everyday.rivals.compiled import compiled
from bench.everyday.stream import Floats, Int32s, Stream


def carried(stream: Stream) -> Stream:
    """Return a stream without missing values; 0 before the first one."""
    if not np.isnan(stream.values).any():
        return stream
    entities = int(stream.keys.max()) + 1
    return replace(stream, values=_carry(stream.keys, stream.values, entities))


@compiled
def _carry(keys: Int32s, values: Floats, entities: int) -> Floats:
    known, last = np.empty(values.shape), np.zeros((entities, values.shape[1]))
    for i in range(len(keys)):
        for j in range(values.shape[1]):
            if not np.isnan(values[i, j]):
                last[keys[i], j] = values[i, j]
            known[i, j] = last[keys[i], j]
    return known

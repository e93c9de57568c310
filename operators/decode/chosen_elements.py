"""The elements of a re-keyed message that belong to its entity; other records have the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.domain.batch import Int32s, Int64s, RawBatch
from operators.decode.decoded import Decoded

INDEX_BITS = 32


def only_chosen(raw: Sequence[RawBatch], found: Decoded) -> Decoded:
    """Leave out elements that other records of the same message stand for."""
    if found.indices is None or not any(batch.elements for batch in raw):
        return found
    named = np.zeros(sum(map(len, raw)), np.bool_)
    chosen: list[Int64s] = []
    first = 0
    for batch in raw:
        for row, indices in (batch.elements or {}).items():
            named[first + row] = True
            chosen.append(_codes(np.full(len(indices), first + row), indices))
        first += len(batch)
    kept = ~named[found.rows]
    kept |= np.isin(_codes(found.rows, found.indices), np.concatenate(chosen))
    return found.only(kept)


def _codes(rows: Int64s, indices: Int32s) -> Int64s:
    """Return a number for each element."""
    return rows.astype(np.int64) << INDEX_BITS | indices

"""Elements that were dead letters and come back alone: they are not exploded once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.domain.batch import Int64s, RawBatch, no_headers
from engine.domain.names import ELEMENT_HEADER, SAMPLES_HEADER
from operators.decode.decoded import Decoded


def redriven(raw: Sequence[RawBatch]) -> dict[int, int]:
    """Return which messages are such elements, and how many samples were before each of them.

    Args:
        raw: the batches; rows are counted through all of them.
    """
    found: dict[int, int] = {}
    first = 0
    for batch in raw:
        if batch.headers is not no_headers:
            for row in range(len(batch)):
                headers = dict(batch.headers(row))
                if ELEMENT_HEADER in headers:
                    given = headers.get(SAMPLES_HEADER) or headers[ELEMENT_HEADER]
                    found[first + row] = _number(given)
        first += len(batch)
    return found


def steps_before(found: Decoded, alone: Mapping[int, int]) -> Int64s | int:
    """Return how many samples were before each of some elements."""
    if not alone:
        return 0
    return np.array([alone.get(row, 0) for row in found.rows.tolist()], np.int64)


def _number(text: bytes | None) -> int:
    """Read a number of a header that anybody may have written."""
    try:
        return min(max(int(text or b"0"), 0), 2**31)
    except ValueError:
        return 0

"""Story: an anomaly that lasts begins once.

The p-value of an event says how rare the event is, and stays small for as long as an anomaly lasts.
How rare it is that an anomaly *begins* is the same at its first event, and `TOLD` at those that
say nothing new. News is evidence of another kind than before, evidence of the same kind that is
rarer by a factor of `RARER`, and a story that has doubled its length, from `LONG` events on. A
story ends with an ordinary event, one whose p-value is above `ORDINARY`.

On dependent noise, where p-values come in runs, beginnings are as rare as they claim to be.
"""

from __future__ import annotations

from math import log10
from typing import Any

import numpy as np
from numba import njit

ORDINARY = 0.1
TOLD = 0.1
RARER = 10.0
LONG = 64
PARTS = 4.0
"""Parts of a decimal power that a byte resolves."""
MOST_PARTS = 255.0


def fields(kinds: int) -> list[Any]:
    """Return the fields for so many kinds of evidence."""
    return [("powers", "u1", (kinds,)), ("length", "<u2")]


@njit(error_model="numpy")
def begins(state: Any, p: float, kind: int, learns: bool) -> float:
    """Return how rare it is that an anomaly begins at an event, and learn it.

    Args:
        state: the entity's record.
        p: how rare the event is.
        kind: of evidence that says so.
        learns: False tells without learning.
    """
    if p > ORDINARY:
        if learns and state.length > 0:
            state.powers[:] = 0
            state.length = 0
        return p
    power = -log10(p)
    length = min(state.length + 1, 65_535)
    known = np.float64(state.powers[kind]) / PARTS
    doubled = length >= LONG and length & (length - 1) == 0
    news = known == 0.0 or power >= known + log10(RARER) or doubled
    if learns:
        state.length = length
        if power > known:
            state.powers[kind] = np.uint8(min(np.ceil(PARTS * power), MOST_PARTS))
    return p if news else max(p, TOLD)

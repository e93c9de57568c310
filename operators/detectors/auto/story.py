"""Story: a lasting anomaly begins once.

The p-value of an event is its rarity, and stays small for as long as an anomaly lasts. The p-value
of the *begin* of an anomaly is the same at its first event, and `REPORTED` at events that add
nothing new. New is evidence of another kind than before, evidence of the same kind that is rarer by
a factor of `RARER`, and a story that has doubled its length, from `LONG` events on. A story ends
with an ordinary event, whose p-value is above `ORDINARY`.

On dependent noise, whose small p-values come in runs, the p-values of begins are valid.
"""

from __future__ import annotations

from math import log10
from typing import Any

import numpy as np

from operators.kernels.kernel_part import kernel_part

ORDINARY = 0.1
REPORTED = 0.1
RARER = 10.0
LONG = 64
PARTS = 4.0
"""Resolution of a byte, in fractions of a decimal power."""
MOST_PARTS = 255.0


def fields(kinds: int) -> list[Any]:
    """Return the fields for a number of kinds of evidence."""
    return [("powers", "u1", (kinds,)), ("length", "<u2")]


@kernel_part
def begins(state: Any, p: float, kind: int, learns: bool, whole: bool) -> float:
    """Return the p-value of the begin of an anomaly at an event, and learn it.

    Args:
        state: the entity's record.
        p: the p-value of the event.
        kind: the kind of evidence with this p-value.
        learns: False judges without learning.
        whole: whether all evidence was looked at, which an ordinary event shows only then.
    """
    if p > ORDINARY:
        if learns and whole and state.length > 0:
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
    return p if news else max(p, REPORTED)

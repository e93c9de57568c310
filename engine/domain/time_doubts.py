"""Doubts about a time's unit: numbers that are not plausible times as they are read."""

from __future__ import annotations

import numpy as np

from engine.domain.batch import Int64s
from engine.domain.mapping import TimeField, TimeUnit
from engine.domain.path import path_text
from engine.domain.time_units import NS_PER_UNIT

YEAR_NS = 31_556_952_000_000_000
"""ns."""
USUAL_UNITS: tuple[TimeUnit, ...] = ("s", "ms", "us", "ns")
EARLIEST_NS, LATEST_NS = 20 * YEAR_NS, 130 * YEAR_NS
"""The times that a unit is guessed by: 1990 to 2100."""


def other_unit(written: object, unit: TimeUnit | None) -> str:
    """Return a hint if a number is a plausible time in another unit, else an empty text."""
    if unit is None or not isinstance(written, (int, float)):
        return ""
    fitting = [
        name for name in USUAL_UNITS if EARLIEST_NS < written * NS_PER_UNIT[name] < LATEST_NS
    ]
    if not fitting or unit in fitting:
        return ""
    return f": is its unit {fitting[0]}, and not {unit}?"


def doubt(time: TimeField, times: Int64s) -> str:
    """Return what is strange about times that were read, or an empty text.

    Numbers read with too small a unit lie in January 1970. With too large a unit they lie
    in a far future, and are rejected.
    """
    if time.path is None or time.unit is None or time.since != "epoch" or not len(times):
        return ""
    early = times[(times >= 0) & (times < YEAR_NS)]
    if not len(early):
        return ""
    written = int(early[0]) // NS_PER_UNIT[time.unit]
    read = np.datetime64(int(early[0]), "ns").astype("datetime64[s]")
    return (
        f"{path_text(time.path)} is {written}, which is {read} in the unit {time.unit}"
        + other_unit(written, time.unit)
    )

"""Steady: rare episodes that come at a steady rate, day after day, are normal life.

A latency that has one slow minute in five hundred, a memory that drops at each deployment: no
person wants the hundredth message. Episodes count once `MANY` of them are known, at most `A_DAY` on
one day, so that a single bad day does not become normal. A gap in which chance would leave a steady
rate alone less than once in hundred series begins a new count.

From then on an episode is usual if it is neither farther out nor longer than the earlier ones. One
that differs is none of them: it stays rare at each repeat, and moves no bound.
"""

from __future__ import annotations

from math import ceil, log
from typing import Any

import numpy as np

from operators.kernels.kernel_part import kernel_part

MANY = 30
"""Episodes that make a rate: three times the ten repeats of a fault that have to be found."""
A_DAY = 5
"""Episodes that count on one day: `MANY` take about a week."""
CHANCE = 0.01
"""Chance of a gap, among all of a series, below which the rate is not steady."""
FADING = 4
"""Episodes in which the bounds fade by a part, until `MANY` are known; then it takes `MANY`."""
PARTS = 4.0
"""Parts of a factor e by which peaks and spans are known."""
MOST = 255
HOURS_KEPT = 65_535
"""Hours after which their numbers begin again."""

RECORD = np.dtype(
    [
        ("count", "u1"),
        ("today", "u1"),
        ("first", "<u2"),
        ("peak", "u1"),
        ("span", "u1"),
    ]
)


@kernel_part
def forget(steady: Any) -> None:
    """Start afresh."""
    steady.count = 0
    steady.today = 0
    steady.first = 0
    steady.peak = 0
    steady.span = 0


@kernel_part
def is_usual(steady: Any, ratio: float, events: int) -> bool:
    """Return whether an episode is like those of a steady rate.

    Args:
        steady: the record.
        ratio: its distance, in first levels.
        events: its events so far.
    """
    return steady.count >= MANY and _is_like(steady, parts(ratio), parts(events))


@kernel_part
def note(steady: Any, ratio: float, events: int, begins: bool, hour: int, before: int) -> None:
    """Note an episode, or one more part of it.

    Args:
        steady: the record.
        ratio: its largest distance, in first levels.
        events: its events so far.
        begins: whether it is a new one.
        hour: number of the hour, from 1; 0 if time is not known.
        before: that of the episode before; 0 if there was none.
    """
    peak, span = parts(ratio), parts(events)
    known = steady.count >= MANY
    if hour == 0 or (known and not _is_like(steady, peak, span)):
        return
    if begins:
        _count(steady, hour, before)
        if steady.count % (MANY if known else FADING) == 0:
            # What was long ago bounds no longer.
            steady.peak = max(steady.peak - 1, 0)
            steady.span = max(steady.span - 1, 0)
    # One that is far larger, a fault, moves the bounds by no more than a part.
    rise = MOST if steady.count == 1 else 1
    steady.peak = max(np.int64(steady.peak), min(peak, steady.peak + rise))
    steady.span = max(np.int64(steady.span), min(span, steady.span + rise))


@kernel_part
def parts(factor: float) -> int:
    """Return a factor in parts of a factor e, at most `MOST`."""
    return min(ceil(PARTS * log(max(factor, 1.0))), MOST)


@kernel_part
def _is_like(steady: Any, peak: int, span: int) -> bool:
    return peak <= steady.peak + 1 and span <= steady.span + 1


@kernel_part
def _count(steady: Any, hour: int, before: int) -> None:
    gap = (hour - before) % HOURS_KEPT
    lasted = (before - steady.first) % HOURS_KEPT
    n = np.int64(steady.count)
    # The chance that the next of n gaps, of exponential lengths with this sum, is so long.
    if n == 0 or n * (1.0 + gap / max(lasted, 1.0)) ** (1 - n) < CHANCE:
        forget(steady)
        steady.count = 1
        steady.today = 1
        steady.first = hour
        return
    same_day = gap < 24 and hour // 24 == before // 24
    if same_day and steady.today >= A_DAY:
        return
    steady.today = steady.today + 1 if same_day else 1
    if n == MOST:
        steady.first = (steady.first + (lasted + gap) // 2) % HOURS_KEPT
        n //= 2
    steady.count = n + 1

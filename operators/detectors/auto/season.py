"""Season: the deviation of a value from the earlier values of its hour of the week.

The pattern is stored as deviations from the level, so it moves with the level.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.time_units import NS_PER_HOUR
from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight

EPOCH_WEEKDAY_HOURS = 72
"""Hours from Monday to the begin of 1970, a Thursday."""
FRIDAY_HOUR, SATURDAY_HOUR, WEEK_HOURS = 96, 120, 168
KNOWN = 3
"""Values after which an hour of the week is known; until then the hour of the day is used."""
BUCKET_EVENTS = 40.0
"""Memory of the mean of a bucket in values."""
ERROR_EVENTS = 1_000.0
CLIP = 4.0
"""Largest error that is learned, in mean errors."""
KNOWN_ERRORS = 10
"""Errors before their mean is believed."""
BETTER = 0.9
"""Largest mean error by hour of the week, relative to that by hour of the day, to use it."""
FIRST, AGAIN = 2, 1
"""Visits of the hour that the newest value is in: 0 if this hour of the week was not known, AGAIN
if it was; FIRST if not even its hour of the day was, and one more for each value in a row beyond
the largest error that is learned."""
IN_A_ROW = 10
"""Values in a row beyond the largest error after which they are what their hour is like."""
COMPARED_EVENTS = 20_000.0
"""Memory of the comparison in events: a weekend is remembered until the next one."""
CARRIED, LATELY = 0.6, 0.3
"""Fraction of recent deviations expected of the next one, and the weight of the newest."""


def fields(buckets: int) -> list[Any]:
    """Return the fields of a season.

    Args:
        buckets: 168 hours of the week, 72 of a workday, a Saturday and a Sunday, or 48 of a
            workday and a day off.
    """
    return [
        ("pattern", "<f4", (buckets,)),
        ("counts", "u1", (buckets,)),
        ("carried", "<f4"),
        ("error", "<f4"),
        ("errors", "<u2"),
        ("weeks", "<u2"),
        ("day_error", "<f4"),
        ("week_error", "<f4"),
        ("newest_bucket", "u1"),
        ("visit", "u1"),
    ]


@kernel_part
def forget(state: Any) -> None:
    """Start afresh."""
    state.pattern[:] = 0.0
    state.counts[:] = 0
    state.carried = 0.0
    state.error = 0.0
    state.errors = 0
    state.weeks = 0
    state.day_error = 0.0
    state.week_error = 0.0
    state.visit = 0


@kernel_part
def center(state: Any) -> float:
    """Remove the mean of the learned values from the pattern, and return it."""
    total, weight = 0.0, 0.0
    for k in range(len(state.pattern)):
        total += np.float64(state.pattern[k]) * state.counts[k]
        weight += state.counts[k]
    mean = total / weight if weight > 0.0 else 0.0
    for k in range(len(state.pattern)):
        if state.counts[k] > 0:
            state.pattern[k] -= mean
    return mean


@kernel_part
def bucket_of(state: Any, time: int) -> int:
    """Return the bucket of a time in ns."""
    hour = _hour_of_week(time)
    buckets = len(state.pattern)
    if buckets == 168:
        return hour
    if hour < SATURDAY_HOUR:
        return hour % 24
    return min(hour - SATURDAY_HOUR + 24, buckets - 24 + hour % 24)


@kernel_part
def is_day_off(time: int) -> bool:
    """Return whether a time in ns is on a Saturday or Sunday; False if it is not known."""
    return time != 0 and _hour_of_week(time) >= SATURDAY_HOUR


@kernel_part
def _hour_of_week(time: int) -> int:
    return (time // NS_PER_HOUR + EPOCH_WEEKDAY_HOURS) % WEEK_HOURS


@kernel_part
def has_first_workday(began: int, time: int) -> bool:
    """Return whether working days have come after a begin on days off.

    Args:
        began: time of the first value in ns. If the day after it ended on a Saturday or Sunday, it
            does not show what a workday is like.
        time: a later time in ns.
    """
    hour = _hour_of_week(began)
    return hour >= FRIDAY_HOUR and time // NS_PER_HOUR - began // NS_PER_HOUR >= WEEK_HOURS - hour


@kernel_part
def is_new_day_off(state: Any, time: int) -> bool:
    """Return whether a time is in an hour of a Saturday or Sunday without earlier values."""
    if not is_day_off(time):
        return False
    bucket = bucket_of(state, time)
    if bucket == state.newest_bucket:
        return state.visit != AGAIN
    return state.counts[bucket] < KNOWN


@kernel_part
def expected(state: Any, time: int) -> float:
    """Return the expected deviation from the level at a time in ns; NaN if its hour is unknown.

    It is interpolated linearly between the middles of two hours. The hour of the week is used once
    it predicts better than the hour of the day.
    """
    weekly = state.week_error < BETTER * state.day_error and state.weeks > 0
    return _between(state, time, weekly)


@kernel_part
def _between(state: Any, time: int, weekly: bool) -> float:
    own = _bucket_mean(state, bucket_of(state, time), weekly)
    part = (time % NS_PER_HOUR) / NS_PER_HOUR - 0.5
    toward = time - NS_PER_HOUR if part < 0.0 else time + NS_PER_HOUR
    other = _bucket_mean(state, bucket_of(state, toward), weekly)
    return own if np.isnan(other) or np.isnan(own) else own + abs(part) * (other - own)


@kernel_part
def _bucket_mean(state: Any, bucket: int, weekly: bool) -> float:
    if weekly and state.counts[bucket] >= KNOWN:
        return np.float64(state.pattern[bucket])
    total, weight = 0.0, 0.0
    for k in range(bucket % 24, len(state.pattern), 24):
        count = np.float64(state.counts[k])
        total += state.pattern[k] * count
        weight += count
    return total / weight if weight > 0.0 else np.nan


@kernel_part
def reach(state: Any, scale: float) -> float:
    """Return the largest error that is learned; `scale` is the mean error of forecasts."""
    if state.errors <= KNOWN_ERRORS:
        return np.inf
    return CLIP * max(np.float64(state.error), 0.1 * scale)


@kernel_part
def learn(
    state: Any,
    deviation: float,
    foreseen: float,
    time: int,
    scale: float,
    most: float = np.inf,
) -> None:
    """Learn the deviation of a value from its level.

    Args:
        state: the record.
        deviation: the deviation.
        foreseen: the deviation that was usual at its time, NaN if none was known.
        time: the time in ns.
        scale: the mean error of forecasts.
        most: the largest distance from the foreseen deviation that the pattern learns.
    """
    bucket = bucket_of(state, time)
    off = deviation - foreseen
    bound = np.inf
    if np.isnan(off):
        state.newest_bucket = bucket
        state.visit = FIRST
    else:
        bound = reach(state, scale)
        if state.visit >= FIRST and bucket == state.newest_bucket:
            state.visit = min(state.visit + 1, 255) if abs(off) > bound else FIRST
            if state.visit >= FIRST + IN_A_ROW:
                # Errors of earlier hours say nothing of an hour that none of them was like.
                bound, most = np.inf, np.inf
        deviation = foreseen + min(max(off, -most), most)
        distance = min(abs(off - CARRIED * state.carried), bound)
        off = min(max(off, -bound), bound)
        state.errors = min(state.errors + 1, 65_535)
        state.error += newest_weight(state.errors, ERROR_EVENTS) * (distance - state.error)
        state.carried += LATELY * (off - state.carried)
        _compare(state, deviation, time, bucket, bound)
    own = np.float64(state.pattern[bucket])
    if state.counts[bucket] < KNOWN and _began_far_off(state, deviation, own, time, bound):
        state.counts[bucket] = 0
    count = min(state.counts[bucket] + 1, 255)
    step = min(max(deviation - own, -bound), bound) if count > 1 else deviation - own
    state.counts[bucket] = count
    state.pattern[bucket] = own + newest_weight(count, BUCKET_EVENTS) * step


@kernel_part
def _began_far_off(state: Any, deviation: float, own: float, time: int, bound: float) -> bool:
    """Return whether an hour began with an outlier: its next value is as in the hour before."""
    before = _bucket_mean(state, bucket_of(state, time - NS_PER_HOUR), False)
    return abs(deviation - own) > bound and abs(deviation - before) < abs(own - before)


@kernel_part
def _compare(state: Any, deviation: float, time: int, bucket: int, bound: float) -> None:
    """Record the errors of the hour of the day and the hour of the week for a value."""
    if bucket != state.newest_bucket:
        state.newest_bucket = bucket
        state.visit = AGAIN if state.counts[bucket] >= KNOWN else 0
    if state.visit != AGAIN:
        # The only value in this mean is from the same hour, so it predicts nothing.
        return
    rate = newest_weight(state.weeks + 1.0, COMPARED_EVENTS)
    day = min(abs(deviation - _between(state, time, False)), bound)
    week = min(abs(deviation - _between(state, time, True)), bound)
    state.day_error += rate * (day - state.day_error)
    state.week_error += rate * (week - state.week_error)
    state.weeks = min(state.weeks + 1, 65_535)

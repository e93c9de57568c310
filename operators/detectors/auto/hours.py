"""Hours: the usual variation of a value in each part of the day.

Errors and deviations count less in a part of the day where large ones recur.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.time_units import NS_PER_DAY, NS_PER_HOUR
from operators.kernels.kernel_part import kernel_part

MINUTES_PER_DAY = 24 * 60
NS_PER_MINUTE = NS_PER_HOUR // 60

HOUR_RATE, USUAL_RATE = 0.34, 0.05
"""Weight of a day's largest error in that of its hour, and of an hour's error in the usual one."""
MOST_RISE = 2.0
"""Largest error of an hour that counts, in the usual one: what comes once does not recur."""


@kernel_part
def part_of_day(state: Any, time: int) -> int:
    """Return the part of the day, one of `hours`."""
    parts = len(state.hour_peaks)
    return (time // (NS_PER_DAY // parts)) % parts


@kernel_part
def minute_of(time: int) -> int:
    """Return the minute of a time in ns, which four bytes hold; 0 if the time is not known."""
    return time // NS_PER_MINUTE


@kernel_part
def time_of(minute: int) -> int:
    """Return the time in ns at which a minute begins."""
    return minute * NS_PER_MINUTE


@kernel_part
def hour_number(time: int) -> int:
    """Return the number of the hour, from 1; 0 if the time is not known."""
    return time // NS_PER_HOUR + 1 if time != 0 else 0


@kernel_part
def hour_factor(state: Any, hour: int) -> float:
    """Return the weight of errors in this part of the day, which is lower if large ones recur."""
    usual = np.float64(state.usual_peak)
    peak = np.float64(state.hour_peaks[hour])
    return usual / peak if peak > usual else 1.0


@kernel_part
def usual_share(state: Any, hour: int, wobble: float) -> float:
    """Return the weight of deviations in this part of the day, lower if the value varies more."""
    usual = np.float64(state.hour_rests[hour])
    return wobble / usual if usual > wobble else 1.0


@kernel_part
def note_hour(state: Any, hour: int, error: float) -> None:
    """Record the size of an error in a part of the day."""
    if hour != state.hour:
        before = state.hour
        if state.hour_peak > 0.0:
            _note_peak(state, before)
        if state.hour_count > 0:
            state.hour_rests[before] += HOUR_RATE * (state.hour_rest - state.hour_rests[before])
        state.hour = hour
        state.hour_peak = 0.0
        state.hour_rest = 0.0
        state.hour_count = 0
    state.hour_peak = max(state.hour_peak, np.float32(error))


@kernel_part
def note_rest(state: Any, rest: float) -> None:
    """Record the size of a deviation from the season in the present part of the day."""
    state.hour_count = min(state.hour_count + 1, 65_535)
    state.hour_rest += (rest - state.hour_rest) / state.hour_count


@kernel_part
def _note_peak(state: Any, hour: int) -> None:
    """Count the largest error that a part of the day had."""
    peak, own = np.float64(state.hour_peak), np.float64(state.hour_peaks[hour])
    usual = np.float64(state.usual_peak)
    if usual == 0.0:
        state.usual_peak = usual = peak
    state.usual_peak = usual + USUAL_RATE * (min(peak, MOST_RISE * usual) - usual)
    peak = min(peak, MOST_RISE * max(own, usual))
    state.hour_peaks[hour] = own + HOUR_RATE * (peak - own)

"""Deviation: how far a value, or the mean of its block, is from its level and its season."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from operators.detectors.auto import block, growth, hours, run, season
from operators.detectors.auto.forecast import Forecast
from operators.kernels import tail
from operators.kernels.kernel_part import single_part

WARM_UP = 50
"""Values before the first is judged."""
DAY_OFF, FIRST_WEEK_DAYS = 1 / 3, 7
"""Weight of deviations on the first days off, which may differ from other days; all days off of
the first week are."""
SECOND_DAY = 1 / 2
"""Weight of all deviations but single errors on the second day: by how much one day differs from
the next is not known yet. Means of a minute have shown more, and count as they are."""


class Deviation(NamedTuple):
    """Where a value, or the mean of the block that it is in, stands before it is learned.

    Attributes:
        by_block: whether means of blocks are judged in place of values.
        whole: whether the value is judged, or its block is complete.
        length: values in a block, 1 if each is judged.
        y: the value, or the mean of its block with it.
        block_mean: the mean of its block with it, whatever is judged.
        level: the level.
        from_level: `y` less the level.
        wobble: the mean deviation from the season.
        spread: the same, and of blocks at least the mean error of values.
        varied: how large deviations are at the usual value, in mean ones.
        local_wobble: the usual deviation there.
        known_for: values or blocks since levels are judged.
        aged: whether levels are judged.
        known: whether the season of the hour is known too.
        foreseen: the deviation from the level that is usual at this time, NaN if it is unknown.
        usual: the level, with its season where that is known.
        seasonal: the same, carried on by recent deviations.
        season_unit: the mean error of the season.
        hour: the part of the day.
        hour_factor: the weight of single errors in it.
        share: the weight of deviations at this time.
        second_day: the weight of deviations on the second day, else 1.
        new_day_off: whether it is one of the first days off.
        departure: `y` less the usual value.
        outside: whether that is beyond the usual range.
        far: the departure by the measure of `growth`.
        rest: the same times its weight.
        returns: whether a value has come back from a run outside of the usual range.
        still: the share of values, or of blocks, that rest.
    """

    by_block: bool
    whole: bool
    length: int
    y: float
    block_mean: float
    level: float
    from_level: float
    wobble: float
    spread: float
    varied: float
    local_wobble: float
    known_for: int
    aged: bool
    known: bool
    foreseen: float
    usual: float
    seasonal: float
    season_unit: float
    hour: int
    hour_factor: float
    share: float
    second_day: float
    new_day_off: bool
    departure: float
    outside: bool
    far: float
    rest: float
    returns: bool
    still: float


@single_part
def of(
    state: Any, forecast: Forecast, time: int, age: int, days: float, events: int, ends: bool
) -> Deviation:
    """Return where a value stands.

    Args:
        state: its record.
        forecast: the value and its forecast.
        time: event time in ns.
        age, days: minutes and days since the first value.
        events: in a block, 1 if each value is judged.
        ends: whether the value ends a block.
    """
    x, floor, unit, slope = forecast.x, forecast.floor, forecast.unit, forecast.slope
    by_block = state.block.judged > 0
    block_mean = block.mean(state.block, forecast.inlier)
    y = block_mean if by_block else x
    known_for = (state.block.blocks if by_block else state.seen) - state.aged_at
    wobble = max(np.float64(state.wobble), floor)
    spread = max(wobble, unit) if by_block else wobble
    foreseen = season.expected(state.season, time) if by_block or events == 1 else np.nan
    aged = state.aged_at > 0 and (known_for >= WARM_UP or not by_block)
    known = aged and not np.isnan(foreseen)
    usual = state.level + foreseen if known else state.level
    varied = growth.factor(state.growth, slope, usual)
    local_wobble = max(wobble * varied, floor)
    new_day_off = season.is_day_off(time) and (
        age < FIRST_WEEK_DAYS * hours.MINUTES_PER_DAY or season.is_new_day_off(state.season, time)
    )
    hour = hours.part_of_day(state, time)
    share = hours.usual_share(state, hour, wobble) * (DAY_OFF if new_day_off else 1.0)
    # Runs are named by unweighted deviations: faults of earlier days lower the weight of hours.
    departure = y - usual
    outside = abs(departure) > tail.FIRST_LEVEL * local_wobble
    far = growth.distance(state.growth, slope, usual, y, wobble, floor)
    # A value that returns to its old level is not an anomaly.
    away = outside if not by_block else abs(departure + x - y) > tail.FIRST_LEVEL * spread * varied
    returns = state.outside >= run.SETTLED_EVENTS and not away
    whole = ends or not by_block
    length = events if by_block else 1
    second_day = SECOND_DAY if 1.0 <= days < 2.0 and not by_block else 1.0
    return Deviation(
        by_block=by_block,
        whole=whole,
        length=length,
        y=y,
        block_mean=block_mean,
        level=state.level,
        from_level=y - state.level,
        wobble=wobble,
        spread=spread,
        varied=varied,
        local_wobble=local_wobble,
        known_for=known_for,
        aged=aged,
        known=known,
        foreseen=foreseen,
        usual=usual,
        seasonal=usual + season.CARRIED * state.season.carried,
        season_unit=max(np.float64(state.season.error), 0.1 * unit),
        hour=hour,
        hour_factor=hours.hour_factor(state, hour),
        share=share,
        second_day=second_day,
        new_day_off=new_day_off,
        departure=departure,
        outside=outside,
        far=far,
        rest=share * far,
        returns=returns,
        # A block rests if all of its values do.
        still=np.float64(state.still) ** length,
    )

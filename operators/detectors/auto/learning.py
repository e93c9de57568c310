"""Learning: what a value that was judged changes in its record."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.detectors.auto import (
    autoregression,
    block,
    distances,
    gauge,
    growth,
    hours,
    level,
    naming,
    run,
    season,
    stuck,
)
from operators.detectors.auto.deviation import Deviation
from operators.detectors.auto.evidence import CALM, DRIFT, LEVEL, SHIFT, STUCK
from operators.detectors.auto.forecast import Forecast
from operators.detectors.auto.means import Means
from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part, single_part
from operators.kernels.moving_mean import newest_weight

MEAN_EVENTS = 1_000.0
"""Memory in events of the share of equal values and of the mean residual error."""
RESOLUTION_FADES = 1.0005
"""Growth of the smallest step seen with each event, which forgets old steps."""


@single_part
def learn_tails(
    state: Any,
    forecast: Forecast,
    deviation: Deviation,
    away: Floats,
    rarities: Floats,
    floors: Floats,
    time: int,
    events: int,
) -> None:
    """Count the distance of each evidence.

    Args:
        state: the record of the value.
        forecast, deviation: the value before it is learned.
        away: float64 [TAILS], the distances.
        rarities: float64 [VALUE_EVIDENCE], their p-values.
        floors: float64 [TAILS], the least mean distances.
        time: event time in ns.
        events: in a block, 1 if each value is judged.
    """
    clock = hours.hour_number(time)
    for e in range(distances.TAILS):
        tail.learn(
            state.tails[e],
            away[e],
            rarities[e],
            floors[e],
            distances.half_step(e, forecast, deviation),
            clock,
            distances.SPANS[e],
            e == SHIFT,
            1 if LEVEL <= e <= DRIFT else events,
        )


@single_part
def learn_variation(
    state: Any,
    forecast: Forecast,
    deviation: Deviation,
    means: Means,
    rarities: Floats,
    time: int,
    after_gap: bool,
) -> None:
    """Learn by how much the value varies, in each part of the day too, and how it rests.

    Args:
        state: the record of the value.
        forecast, deviation, means: the value before it is learned.
        rarities: float64 [VALUE_EVIDENCE], the p-values of the evidence.
        time: event time in ns.
        after_gap: whether the event follows a long silence.
    """
    if not after_gap:
        # Deviations of a part of the day count only once the season is known.
        hours.note_hour(state, deviation.hour, abs(forecast.error))
        if deviation.whole:
            hours.note_rest(state, abs(deviation.far) if deviation.known else 0.0)
    if means.varies:
        gauge.learn(state.burst_gauge, means.burst_log)
    if tail.teaches(state.tails[CALM], rarities[CALM]):
        gauge.learn(state.calm_gauge, means.calm_log)
    rate = newest_weight(state.seen + 1.0, MEAN_EVENTS)
    state.still += rate * ((1.0 if forecast.same else 0.0) - state.still)
    state.burst, state.calm = means.burst, means.calm
    stuck.learn(state.stuck, forecast.same, rarities[STUCK], state.seen, time)
    if not forecast.same or state.seen == 0:
        _note_place(state, forecast.x)


@single_part
def learn_course(
    state: Any,
    forecast: Forecast,
    deviation: Deviation,
    means: Means,
    time: int,
    events: int,
    ends: bool,
    run_ended: bool,
) -> None:
    """Learn the course of the value: its short history, its level and its season.

    Args:
        state: the record of the value.
        forecast, deviation, means: the value before it is learned.
        time: event time in ns.
        events: in a block, 1 if each value is judged.
        ends: whether the value ends a block.
        run_ended: whether a run outside of the usual range has ended with it.
    """
    strange = deviation.aged and run.goes_on(state)
    # The first days off may differ from other days: the season learns how, and the level stays,
    # unless it has shifted before.
    stays = deviation.aged and deviation.new_day_off and state.shifted == 0
    _learn_history(state, forecast, strange, events)
    if deviation.whole:
        state.fast, state.slow = means.fast, means.slow
        state.wobble = _moved_mean(state.wobble, abs(deviation.rest), deviation.known_for)
        seen_means = state.block.blocks if deviation.by_block else state.seen
        level.learn(
            state,
            deviation.from_level,
            deviation.foreseen,
            seen_means,
            forecast.step,
            strange,
            stays,
        )
    if ends:
        _learn_season(state, forecast, deviation, strange, time, events)
    _note_value(state, forecast)
    if run_ended:
        # The means still contain the run.
        state.fast, state.slow = 0.0, 0.0
        if means.long_run:
            _forget_run(state, deviation.from_level, naming.predictable(forecast, deviation))
    if deviation.aged and deviation.whole and not stays:
        level.settle(state, deviation.foreseen if deviation.known else 0.0)
    block.learn(state.block, forecast.inlier, ends)
    level.come_of_age(state, time, events)


@single_part
def _learn_history(state: Any, forecast: Forecast, strange: bool, events: int) -> None:
    """Learn the forecast's error; that of a run that is not the normal state says little."""
    x, seen = forecast.x, state.seen
    forecasts = seen - 2 * len(state.ar.weights)
    if forecasts >= 0 and not strange and not forecast.same:
        size = abs(x - forecast.expected)
        unit = forecast.unit * max(forecast.grown, 1.0)
        growth.learn(state.growth, forecast.expected, size, unit, forecasts, events)
    autoregression.learn(
        state.ar,
        x,
        forecast.expected,
        state.level,
        seen,
        forecast.step,
        forecast.grown,
        not strange,
    )


@single_part
def _learn_season(
    state: Any, forecast: Forecast, deviation: Deviation, strange: bool, time: int, events: int
) -> None:
    # The level of a day is known only at its end.
    of_day = deviation.block_mean
    if deviation.by_block or (deviation.aged and events == 1):
        of_day -= deviation.level
    most = np.inf
    if not deviation.new_day_off:
        # A run that is not the normal state teaches no season.
        most = season.reach(state.season, forecast.unit)
        if strange:
            most = deviation.wobble * deviation.varied / deviation.share
    season.learn(state.season, of_day, deviation.foreseen, time, forecast.unit, most)


@kernel_part
def _moved_mean(mean: float, size: float, seen: int) -> float:
    before = np.float64(mean)
    if seen > 10:
        size = min(size, level.CLIP * before) if before > 0.0 else size
    return before + (size - before) * newest_weight(seen + 1.0, MEAN_EVENTS)


@single_part
def _note_value(state: Any, forecast: Forecast) -> None:
    x = forecast.x
    if forecast.step > 0.0:
        state.resolution = forecast.step * RESOLUTION_FADES
    state.last = x
    if state.seen == 0:
        state.least, state.greatest = x, x
    state.least = min(state.least, np.float32(x))
    state.greatest = max(state.greatest, np.float32(x))
    state.seen = min(state.seen + 1, 2**31)


@single_part
def _note_place(state: Any, x: float) -> None:
    """Note whether a value is the least or the greatest so far; 0 inside counts as the least."""
    stored = np.float32(x)
    if stored <= state.least:
        stuck.note_place(state.stuck, stuck.LEAST, stored < state.least)
    elif stored >= state.greatest:
        stuck.note_place(state.stuck, stuck.GREATEST, stored > state.greatest)
    else:
        at_zero = x == 0.0 - state.origin
        stuck.note_place(state.stuck, stuck.LEAST if at_zero else stuck.INSIDE, False)


@kernel_part
def _forget_run(state: Any, from_level: float, predictable: float) -> None:
    """Forget the way back from a long run, and forecast from where the value is now."""
    state.burst = max(exp(np.float64(state.burst_gauge.center)) - naming.LEAST_ERROR, 0.0)
    if predictable <= naming.PREDICTABLE:
        autoregression.restart(state.ar, from_level)

"""Naming: the kind of anomaly of an event, by the evidence that fired and the run of the event."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.detectors.auto import gauge, run
from operators.detectors.auto.deviation import Deviation
from operators.detectors.auto.evidence import (
    BURST,
    CALM,
    DRIFT,
    LEVEL,
    PATTERN,
    SEASON,
    SHIFT,
    SPIKE,
    STUCK,
)
from operators.detectors.auto.forecast import Forecast
from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part, single_part

BURST_EVENTS, CALM_EVENTS = 16.0, 32.0
"""Memory of the two means of errors in events."""
LEAST_ERROR = 0.02
"""Lower bound of the mean error, in usual errors, for calm."""
RECENT_SUDDEN = 4
"""Events after a sudden error within which another belongs to the same story."""
SEASONAL = 0.6
"""Mean deviation from the season, as a fraction of that from the level, that proves a season."""
PREDICTABLE = 0.7
"""Explained share of the variance above which large errors are a broken pattern."""
ONE_SIDED = 0.5
"""Mean deviation, as a fraction of the mean error without its sign, that noise after a sudden value
does not reach; without a sudden value the fraction is 1."""


@kernel_part
def was_noisy(state: Any, floors: Floats) -> bool:
    """Return whether recent errors were large on average."""
    before = gauge.distance(state.burst_gauge, np.log(state.burst + LEAST_ERROR), 1.0)
    return before > tail.first_level(state.tails[BURST], floors[BURST])


@kernel_part
def moved(state: Any) -> int:
    """Return the kind of a level that is another one: it came suddenly, or drifted."""
    return SHIFT if state.sudden else DRIFT


@kernel_part
def predictable(forecast: Forecast, deviation: Deviation) -> float:
    """Return the share of the variance that forecasts explain."""
    wobble = deviation.wobble
    return 1.0 - (forecast.unit / wobble) ** 2 if wobble > 0.0 else 0.0


@single_part
def kind_of(
    state: Any,
    chosen: int,
    forecast: Forecast,
    deviation: Deviation,
    floors: Floats,
    sudden: bool,
    noisy: bool,
    again: bool,
    one_sided: bool,
) -> int:
    """Return the evidence that names the anomaly, by the evidence that fired and the run.

    Args:
        state: the record of the value.
        chosen: the evidence that fired.
        forecast, deviation: the value before it is learned.
        floors: float64 [TAILS], the least mean distances.
        sudden: whether the value is a sudden error.
        noisy: whether recent errors were large.
        again: whether another sudden error was a short time ago.
        one_sided: whether recent deviations are on one side.
    """
    if chosen > DRIFT and chosen != BURST:
        return chosen
    level_unit = max(np.float64(state.tails[LEVEL].mean), floors[LEVEL])
    from_level = abs(forecast.x - deviation.level)
    inside = not from_level > tail.first_level(state.tails[LEVEL], floors[LEVEL])
    is_predictable = predictable(forecast, deviation) > PREDICTABLE
    seasonal = state.wobble < SEASONAL * level_unit and inside
    if seasonal and state.unseasonal:
        return SEASON
    settled = state.outside >= run.SETTLED_EVENTS
    if chosen in (SPIKE, LEVEL) and settled and sudden and not again:
        # The value left the course of the run.
        return SPIKE
    # Large noise stays on one side sometimes, but not for long.
    strays = settled and state.noisy and state.outside <= BURST_EVENTS
    if (settled or chosen in (SHIFT, DRIFT)) and not strays:
        return moved(state)
    # Large errors without a run on one side of the level.
    if chosen == BURST and one_sided:
        if is_predictable and state.outside <= run.SUDDEN_EVENTS:
            return PATTERN
        return moved(state)
    short = (strays or state.outside <= run.SUDDEN_EVENTS) and not one_sided
    noisy = noisy or strays or chosen == BURST
    if chosen == BURST or (short and (noisy or (again and inside))):
        if is_predictable:
            return PATTERN
        if noisy:
            return BURST
    if chosen in (SHIFT, DRIFT):
        return moved(state)
    if sudden or state.sudden:
        return SPIKE
    if chosen == SEASON:
        return SEASON if seasonal else SPIKE
    return DRIFT if chosen == LEVEL else SPIKE


@kernel_part
def amount(state: Any, named: int, burst_log: float, calm_log: float) -> float:
    """Return how much, by the measure of a kind; NaN for kinds without one.

    Args:
        state: the record, before the event is learned.
        named: the evidence that names the anomaly.
        burst_log, calm_log: logarithms of the two mean errors with the event.

    Returns:
        The mean error as a multiple of its usual size, or the number of equal values in a row.
    """
    if named == BURST:
        return exp(burst_log - np.float64(state.burst_gauge.center))
    if named == CALM:
        return exp(calm_log - np.float64(state.calm_gauge.center))
    return state.stuck.run + 2.0 if named == STUCK else np.nan


@kernel_part
def level_kind(state: Any) -> int:
    """Return the kind of a value far from its level: a spike, or the begin of a shift or drift."""
    return moved(state) if state.outside >= run.SETTLED_EVENTS else SPIKE

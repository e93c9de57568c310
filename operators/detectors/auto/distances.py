"""Distances: what each evidence on a value looks at, and the least unit that it is measured in."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.detectors.auto import gauge, growth, naming
from operators.detectors.auto.deviation import Deviation
from operators.detectors.auto.evidence import (
    BURST,
    CALM,
    DRIFT,
    LEVEL,
    SEASON,
    SHIFT,
    SPIKE,
    STUCK,
)
from operators.detectors.auto.forecast import Forecast
from operators.detectors.auto.means import FAST_EVENTS, SLOW_EVENTS, Means
from operators.kernels.kernel_part import single_part

TAILS = STUCK
"""The kinds of evidence with a tail each, which come first."""
SPANS = (
    1.0,
    1.0,
    1.0,
    2 * FAST_EVENTS,
    2 * SLOW_EVENTS,
    2 * naming.BURST_EVENTS,
    2 * naming.CALM_EVENTS,
)
"""Span of each of these tails in events: 2 n for a mean of n events."""
ERROR_FLOOR = 0.8
"""Lower bound of the mean error, in units of the error: that of normal noise."""
FAST_FLOOR, SLOW_FLOOR = 0.18, 0.0625
"""Lower bounds of the moving means, in mean deviations: those of independent values,
sqrt(1 / (2 n - 1)). The resolution bounds a mean only where all of its values rest."""


@single_part
def fill(
    state: Any,
    forecast: Forecast,
    deviation: Deviation,
    means: Means,
    after_gap: bool,
    distances: Floats,
    floors: Floats,
) -> None:
    """Fill in the distance of each evidence with a tail.

    Args:
        state: the record of the value.
        forecast, deviation, means: the value before it is learned.
        after_gap: whether the event follows a long silence.
        distances: float64 [TAILS], filled; NaN says nothing.
        floors: float64 [TAILS], filled with the least mean distances.
    """
    floor, wobble = forecast.floor, deviation.wobble
    surprising = not (after_gap or deviation.returns)
    distances[SPIKE] = abs(forecast.error) * deviation.hour_factor if surprising else np.nan
    floors[SPIKE] = ERROR_FLOOR
    distances[LEVEL] = abs(deviation.from_level) if deviation.whole else np.nan
    floors[LEVEL] = floor
    distances[SEASON] = _from_season(state, forecast, deviation)
    floors[SEASON] = ERROR_FLOOR
    judged = deviation.aged and deviation.whole and not deviation.returns
    half_step = floor * deviation.share / deviation.varied
    distances[SHIFT] = abs(means.fast) if judged else np.nan
    floors[SHIFT] = max(half_step * deviation.still ** SPANS[SHIFT], wobble * FAST_FLOOR)
    distances[DRIFT] = abs(means.slow) if judged else np.nan
    floors[DRIFT] = max(half_step * deviation.still ** SPANS[DRIFT], wobble * SLOW_FLOOR)
    distances[BURST] = gauge.distance(state.burst_gauge, means.burst_log, 1.0)
    distances[CALM] = gauge.distance(state.calm_gauge, means.calm_log, -1.0)
    floors[BURST] = 1.0
    floors[CALM] = 1.0


@single_part
def _from_season(state: Any, forecast: Forecast, deviation: Deviation) -> float:
    unit = deviation.season_unit
    if not (deviation.whole and deviation.known and unit > 0.0):
        return np.nan
    off = growth.distance(
        state.growth, forecast.slope, deviation.seasonal, deviation.y, unit, forecast.floor
    )
    return abs(off) * deviation.share / unit


@single_part
def half_step(evidence: int, forecast: Forecast, deviation: Deviation) -> float:
    """Return half the step between neighbouring distances; 0 if they are continuous."""
    if evidence == LEVEL:
        return 0.5 * forecast.step
    if evidence == SPIKE and forecast.unit > 0.0:
        return 0.5 * forecast.step / forecast.usual
    if evidence == SEASON and deviation.season_unit > 0.0:
        return 0.5 * forecast.step / deviation.season_unit
    return 0.0

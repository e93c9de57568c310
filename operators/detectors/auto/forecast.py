"""Forecast: a value against what its short history foretells."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from operators.detectors.auto import autoregression, growth
from operators.kernels.kernel_part import single_part

CLIP = 8.0
"""Largest error in the mean of a block, in usual errors."""


class Forecast(NamedTuple):
    """A value and its forecast, both relative to the origin of the value.

    Attributes:
        x: the value.
        same: whether it equals the one before.
        first_move: whether it is the first that does not.
        step: the least step between values seen so far, 0 if there was none.
        floor: the least error to believe in.
        expected: the forecast.
        unit: the mean error.
        slope: by how much errors grow with the value, see `growth`.
        usual: the usual error at this value.
        grown: the same in mean errors.
        inlier: the value as it counts in the mean of a block.
        error: of the forecast, in mean errors.
    """

    x: float
    same: bool
    first_move: bool
    step: float
    floor: float
    expected: float
    unit: float
    slope: float
    usual: float
    grown: float
    inlier: float
    error: float


@single_part
def of(state: Any, value: float, rounding: float, days: float, events: int) -> Forecast:
    """Return a value and its forecast.

    Args:
        state: the record of the value.
        value: the value.
        rounding: its rounding error.
        days: since the first value.
        events: in a block, 1 if each value is judged.
    """
    x = value - state.origin
    moved = abs(x - state.last)
    if moved <= rounding:
        x, moved = state.last, 0.0
    same = moved <= 1e-9 * max(abs(x), abs(state.last))
    resolution = np.float64(state.resolution)
    first_move = not same and resolution == 0.0
    step = moved if not same and (resolution == 0.0 or moved < resolution) else resolution
    floor = 0.3 * step
    unit = autoregression.scale(state.ar, step)
    expected = autoregression.forecast(state.ar, state.level)
    # The equations of a short stretch of a long cycle may have a solution that diverges.
    reach = autoregression.CLIP * unit
    expected = min(max(expected, state.least - reach), state.greatest + reach)
    # A day shows what errors are like at all its values.
    slope = growth.slope_of(state.growth, state.seen, events) if days >= 1.0 else 0.0
    grown = growth.factor(state.growth, slope, expected)
    usual = max(grown * unit, floor)
    # A single outlier does not move the mean of many.
    inlier, bound = x, CLIP * usual
    if events > 1 and state.seen > 10:
        inlier = expected + min(max(x - expected, -bound), bound)
    off = growth.distance(state.growth, slope, expected, x, unit, floor)
    error = off / unit if unit > 0.0 else 0.0
    return Forecast(
        x=x,
        same=same,
        first_move=first_move,
        step=step,
        floor=floor,
        expected=expected,
        unit=unit,
        slope=slope,
        usual=usual,
        grown=grown,
        inlier=inlier,
        error=error,
    )

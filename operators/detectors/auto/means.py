"""Means: moving means of deviations and of errors, with the newest value in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from operators.detectors.auto import level, naming
from operators.detectors.auto.deviation import Deviation
from operators.detectors.auto.forecast import Forecast
from operators.kernels.kernel_part import single_part

CLIP = 8.0
"""Largest deviation in the means of deviations, in mean deviations."""
FAST_EVENTS, SLOW_EVENTS = 16.0, 128.0
"""Memory of the means of deviations in events: the short one shows a shift, the long a drift."""


class Means(NamedTuple):
    """The moving means of a value.

    Attributes:
        fast, slow: of deviations.
        burst, calm: of the sizes of errors, in mean errors.
        burst_log, calm_log: their logarithms; NaN where they say nothing.
        varies: whether they say something.
        long_run: whether a run outside of the usual range is as long as the memory of a burst.
    """

    fast: float
    slow: float
    burst: float
    calm: float
    burst_log: float
    calm_log: float
    varies: bool
    long_run: bool


@single_part
def of(state: Any, forecast: Forecast, deviation: Deviation) -> Means:
    """Return the moving means of a value."""
    bound = CLIP * deviation.wobble
    clipped = min(max(deviation.rest, -bound), bound) if state.seen > 10 else 0.0
    size = min(abs(forecast.error), level.CLIP)
    burst = state.burst + (size - state.burst) / naming.BURST_EVENTS
    calm = state.calm + (size - state.calm) / naming.CALM_EVENTS
    long_run = state.outside > naming.BURST_EVENTS
    # What comes back from a long run errs by as much as it had moved.
    varies = deviation.aged and not forecast.same and not (deviation.returns and long_run)
    burst_log = np.log(burst + naming.LEAST_ERROR) if varies else np.nan
    calm_log = np.log(calm + naming.LEAST_ERROR) if varies else np.nan
    return Means(
        fast=state.fast + (clipped - state.fast) / FAST_EVENTS,
        slow=state.slow + (clipped - state.slow) / SLOW_EVENTS,
        burst=burst,
        calm=calm,
        burst_log=burst_log,
        calm_log=calm_log,
        varies=varies,
        long_run=long_run,
    )

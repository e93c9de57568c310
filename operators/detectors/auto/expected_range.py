"""Expected range: the value that was expected, and how far from it is usual, by the evidence."""

from __future__ import annotations

from typing import Any

from engine.domain.batch import Floats
from operators.detectors.auto import growth
from operators.detectors.auto.deviation import Deviation
from operators.detectors.auto.distances import ERROR_FLOOR
from operators.detectors.auto.evidence import DRIFT, LEVEL, SEASON, SHIFT, SPIKE
from operators.detectors.auto.forecast import Forecast
from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part, single_part


@single_part
def fill(
    state: Any,
    forecast: Forecast,
    deviation: Deviation,
    floors: Floats,
    chosen: int,
    named: int,
    out: Floats,
) -> None:
    """Fill in the expected value and half the width of the usual range around it.

    Args:
        state: the record of the value.
        forecast, deviation: the value before it is learned.
        floors: float64 [TAILS], the least mean distances.
        chosen: the evidence that the p-value comes from.
        named: the evidence that names the anomaly.
        out: see `value.observe`.
    """
    center, width = _of_evidence(state, forecast, deviation, chosen)
    if chosen != SEASON and named in (SHIFT, DRIFT, SEASON):
        mean = DRIFT if named == DRIFT else SHIFT
        size = tail.first_level(state.tails[mean], floors[mean]) / deviation.share
        mean_width = _reach(state, forecast, deviation.usual, size, deviation.wobble)
        # If the value lies within this range, that of the evidence that fired stays.
        if chosen not in (SPIKE, LEVEL) or abs(forecast.x - deviation.usual) > mean_width:
            center, width = deviation.usual, mean_width
    of_block = deviation.by_block and LEVEL <= chosen <= DRIFT
    if of_block and not state.counter.is_counter:
        out[9] = deviation.y + state.origin
    elif deviation.by_block and chosen != SPIKE:
        # Single values are farther from it than the means of blocks.
        spike_level = tail.first_level(state.tails[SPIKE], ERROR_FLOOR)
        width = max(width, spike_level * forecast.usual)
    out[2], out[3] = center + state.origin, width


@single_part
def _of_evidence(
    state: Any, forecast: Forecast, deviation: Deviation, chosen: int
) -> tuple[float, float]:
    if chosen == LEVEL:
        return deviation.level, tail.first_level(state.tails[LEVEL], forecast.floor)
    if chosen == SEASON:
        unit = deviation.season_unit
        size = tail.first_level(state.tails[SEASON], ERROR_FLOOR) * unit / deviation.share
        return deviation.seasonal, _reach(state, forecast, deviation.seasonal, size, unit)
    size = tail.first_level(state.tails[SPIKE], ERROR_FLOOR) * forecast.unit
    size /= deviation.hour_factor
    return forecast.expected, _reach(state, forecast, forecast.expected, size, forecast.unit)


@kernel_part
def _reach(state: Any, forecast: Forecast, center: float, size: float, unit: float) -> float:
    return growth.reach(
        state.growth, forecast.slope, center, forecast.x, size, unit, forecast.floor
    )

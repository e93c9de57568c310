"""zscore: a robust, exponentially forgetting z-score of each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any, Literal, NamedTuple

import numpy as np

from engine.domain.detector import Declaration
from operators.detectors.parameters import Number, check_numbers
from operators.kernels.kernel_part import kernel_part
from operators.kernels.record_bank import NativeBank, compile_driver

SIGMA_OF_DEVIATION = sqrt(np.pi / 2)
"""A normal value's standard deviation, as a multiple of its mean absolute deviation."""

GREATEST = 1e30
"""Bound of scores, and of the spread so that it fits a float32."""

PARAMETERS = (
    Number("half_life", "number", 500.0, "events until an event counts half", 1, 1e9),
    Number("warm_up", "integer", 30, "events of a value before it is scored", 2, 10**6),
    Number("relative_floor", "number", 1e-3, "least scale, as a part of the level", 0, 1),
    Number("absolute_floor", "number", 1.0, "scale while a value was always 0", 1e-12, 1e12),
    Number("clip", "number", 8.0, "largest deviation that is learned, in scales", 2, 1e6),
)


class Params(NamedTuple):
    """What the two functions share for all entities; `rate` is the weight of a new event."""

    rate: float
    warm_up: int
    relative_floor: float
    absolute_floor: float
    clip: float


def params_of(
    half_life: float, warm_up: int, relative_floor: float, absolute_floor: float, clip: float
) -> Params:
    """Return the parameters of a pipeline file as the functions need them."""
    rate = 1 - 0.5 ** (1 / half_life)
    return Params(rate, warm_up, relative_floor, absolute_floor, clip)


def record(d: int) -> np.dtype[np.void]:
    """Return the record of d values, 16 bytes each.

    The level is a float64, for it moves by small steps; the spread needs three digits.
    """
    return np.dtype([("level", "<f8", (d,)), ("spread", "<f4", (d,)), ("count", "<u4", (d,))])


@kernel_part
def scale_of(state: Any, j: int, params: Any) -> float:
    """Return the scale of value j: its spread, but never below the floors."""
    least = max(abs(state.level[j]) * params.relative_floor, np.float64(state.spread[j]))
    return params.absolute_floor if least == 0.0 else min(least, GREATEST)


@kernel_part
def learn_value(state: Any, j: int, value: float, params: Any) -> None:
    """Move level and spread of value j towards a value; one strange value moves them little."""
    count = state.count[j]
    if count == 0:
        state.level[j] = value
        state.count[j] = 1
        return
    scale = scale_of(state, j, params)
    bound = params.clip * scale
    step = min(max(value - state.level[j], -bound), bound)
    deviation = abs(step) * SIGMA_OF_DEVIATION
    rate = max(params.rate, 1.0 / (count + 1.0))
    if state.spread[j] == 0.0:
        # The first change of a constant shows the unit it changes in.
        spread = min(deviation, scale)
    else:
        spread = state.spread[j] + rate * (deviation - state.spread[j])
    state.level[j] += rate * step
    state.spread[j] = min(spread, GREATEST)
    state.count[j] = min(count + 1, 2**31)


@kernel_part
def score(state: Any, x: Any, params: Any) -> float:
    """Return the greatest |value - level| / scale of the values that are warm."""
    greatest = np.nan
    for j in range(len(x)):
        if state.count[j] >= params.warm_up and not np.isnan(x[j]):
            z = min(abs(x[j] - state.level[j]) / scale_of(state, j, params), GREATEST)
            if not z <= greatest:
                greatest = z
    return greatest


@kernel_part
def learn(state: Any, x: Any, params: Any) -> None:
    """Learn each value that is not a gap."""
    for j in range(len(x)):
        if not np.isnan(x[j]):
            learn_value(state, j, x[j], params)


_driver = compile_driver(score, learn)


class ZScoreDetector:
    """A robust z-score: how many scales the most deviating value lies from its level.

    Level and scale (from the mean absolute deviation) are exponentially forgetting means; a
    deviation is learned as at most `clip` scales, so one outlier hardly moves them and a
    lasting change is followed within a half-life or two. Until `half_life` events were seen
    they are plain means. Gaps are skipped; the score is NaN when no value is warm.

    A constant series followed by a tiny change is not an emergency: the scale is never below
    `relative_floor` times the level. After 1,000 times 5.0 the scale is 0.005: 5.001 scores 0.2
    and 50 scores 9,000. If the value was always 0 its unit is unknown, and the scale is
    `absolute_floor`: 1 scores 1 and 50 scores 50. The first change ends that: from then on its
    size, at most the floor, is the spread that is forgotten with the half-life.
    """

    name = "zscore"
    handles_gaps = True
    resolution = 0.25
    snapshot: Literal["bytes"] = "bytes"

    def __init__(self, params: Params, d: int) -> None:
        self._params = params
        self._dtype = record(d)
        self.warm_up = params.warm_up
        self.bytes_per_entity = self._dtype.itemsize

    def bank(self, capacity: int) -> NativeBank:
        """Return an empty bank."""
        return NativeBank(capacity, self._dtype, _driver, self._params)


class ZScore:
    """The detector family `zscore`."""

    def declarations(self) -> Sequence[Declaration]:
        """Return the one detector there is."""
        return (
            Declaration(
                name="zscore",
                summary="Robust, exponentially forgetting z-score of the most anomalous value",
                parameters=PARAMETERS,
                bytes_per_entity=record(1).itemsize,
                snapshot="bytes",
                source="Exponentially weighted mean and mean absolute deviation, winsorised",
                suits=(
                    "Good at spikes and jumps of each value by itself, in next to no memory, with "
                    "gaps. Bad at seasons, and at values that are strange only together; where a "
                    "level is beyond 1 / relative_floor deviations, it sees less than there is."
                ),
                kinds=("outlier", "spike", "shift", "burst"),
            ),
        )

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> ZScoreDetector:
        """Build the detector.

        Raises:
            ParameterError: a parameter is unknown or has a value it cannot take.
        """
        numbers = check_numbers(name, parameters, PARAMETERS)
        return ZScoreDetector(params_of(**numbers), len(value_names))

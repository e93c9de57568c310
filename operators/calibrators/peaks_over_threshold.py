"""Peaks over threshold: raw score in, p-value of the entity's own recent scores out.

Siffer, Fouque, Termier, Largouet: Anomaly Detection in Streams with Extreme Value Theory, KDD 2017.
The tail is fitted by the estimator of Zhang and Stephens (Technometrics 51, 2009), which needs no
root search and stays sane on few peaks, where the paper's maximum likelihood by Grimshaw does not.
"""

from __future__ import annotations

from math import exp, log1p, sqrt
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.domain.batch import Floats, Int32s
from engine.domain.detector import State
from engine.domain.errors import SnapshotError
from engine.domain.pipeline import Calibration

PEAKS = 64
"""Peaks kept for the tail."""
TAIL = 0.1
"""Share of the scores that are peaks: the threshold is the quantile above which they lie."""
LEAST_P = 1e-300
LEAST_PEAKS = 8
"""Fewer say nothing of a shape: the tail is then exponential."""
PRIOR_SHAPE = 0.1
PRIOR_WEIGHT = 10.0
"""The shape is drawn towards a slightly heavy tail, as by ten peaks more."""


class Params(NamedTuple):
    """What all entities share; see `Calibration` for the first four."""

    window: int
    learn_anomalies: bool
    anomaly_p_value: float
    relearn_after: int
    warm_up: int
    resolution: float


def record(window: int) -> np.dtype[np.void]:
    """Return the record of one entity: recent scores, peaks, and the fitted tail."""
    return np.dtype(
        [
            ("recent", "<f4", (window,)),
            ("peaks", "<f4", (PEAKS,)),
            ("threshold", "<f8"),
            ("scale", "<f8"),
            ("shape", "<f8"),
            ("share", "<f8"),
            ("seen", "<i8"),
            ("above", "<i8"),
            ("skipped", "<i8"),
        ]
    )


@njit(cache=True, error_model="numpy")
def fit_tail(excesses: NDArray[np.float64]) -> tuple[float, float]:
    """Fit a generalised Pareto distribution to excesses over a threshold.

    Args:
        excesses: float64 [n], at least 0; sorted in place.

    Returns:
        shape and scale; an exponential tail where the excesses have no spread.
    """
    n = len(excesses)
    excesses.sort()
    greatest, quartile = excesses[n - 1], excesses[max(0, int(n / 4 + 0.5) - 1)]
    if greatest <= 0.0 or quartile <= 0.0:
        return 0.0, excesses.mean()
    grid = 20 + int(sqrt(n))
    thetas, logs = np.empty(grid), np.empty(grid)
    for j in range(grid):
        theta = 1 / greatest + (1 - sqrt(grid / (j + 0.5))) / (3 * quartile)
        thetas[j] = theta
        k = -_mean_log(excesses, theta)
        logs[j] = n * (np.log(theta / k) + k - 1)
    weight = total = 0.0
    best = logs.max()
    for j in range(grid):
        share = exp(logs[j] - best)
        weight += share
        total += share * thetas[j]
    theta = total / weight
    if abs(theta) * greatest < 1e-9:
        return 0.0, excesses.mean()
    shape = _mean_log(excesses, theta)
    scale = -shape / theta
    return (n * shape + PRIOR_WEIGHT * PRIOR_SHAPE) / (n + PRIOR_WEIGHT), scale


@njit(cache=True, error_model="numpy")
def _mean_log(excesses: NDArray[np.float64], theta: float) -> float:
    total = 0.0
    for excess in excesses:
        total += log1p(-theta * excess)
    return total / len(excesses)


@njit(cache=True, error_model="numpy")
def p_value_of(state: Any, score: float, params: Any) -> float:
    """Return the p-value of a score by the state as it is; NaN during warm-up."""
    if state.seen < params.warm_up:
        return np.nan
    kept = min(state.seen, params.window)
    if score <= state.threshold:
        rank = 0
        for i in range(kept):
            rank += state.recent[i] >= score
        return min(max((rank + 0.5) / (kept + 1.0), state.share), 1.0)
    excess = score - state.threshold
    if abs(state.shape) < 1e-9:
        return max(state.share * exp(-excess / state.scale), LEAST_P)
    inner = 1 + state.shape * excess / state.scale
    return max(state.share * inner ** (-1 / state.shape), LEAST_P)


@njit(cache=True, error_model="numpy")
def learn_score(state: Any, score: float, p_value: float, params: Any) -> None:
    """Learn a score unless it is an anomaly; many unlearned in a row are the new normal."""
    if p_value < params.anomaly_p_value and not params.learn_anomalies:
        state.skipped += 1
        if state.skipped <= params.relearn_after:
            return
    else:
        state.skipped = 0
    state.recent[state.seen % params.window] = score
    state.seen += 1
    if state.seen > params.warm_up and score > state.threshold:
        state.peaks[state.above % PEAKS] = score
        state.above += 1
    # Placing and fitting cost some microseconds: shared by half a window of events.
    if state.seen == params.warm_up or (
        state.seen > params.warm_up and state.seen % (params.window // 2) == 0
    ):
        _place_threshold(state, params)
        _fit(state, params)


@njit(cache=True, error_model="numpy")
def _place_threshold(state: Any, params: Any) -> None:
    kept = min(state.seen, params.window)
    order = np.sort(state.recent[:kept].astype(np.float64))
    state.threshold = order[kept - 1 - int(TAIL * kept)]
    if state.above == 0:
        for i in range(kept):
            if order[i] > state.threshold:
                state.peaks[state.above % PEAKS] = order[i]
                state.above += 1
    beyond = 0
    for i in range(kept):
        beyond += order[i] > state.threshold
    state.share = (beyond + 0.5) / (kept + 1.0)


@njit(cache=True, error_model="numpy")
def _fit(state: Any, params: Any) -> None:
    excesses = np.empty(PEAKS)
    n = 0
    for i in range(min(state.above, PEAKS)):
        if state.peaks[i] > state.threshold:
            excesses[n] = state.peaks[i] - state.threshold
            n += 1
    if n < LEAST_PEAKS:
        # Twice, for nothing was seen yet of how these scores spread.
        state.shape, state.scale = 0.0, 2 * params.resolution
        if n:
            state.scale = max(state.scale, excesses[:n].mean())
        return
    shape, scale = fit_tail(excesses[:n])
    # An end of the tail, seen in so few peaks, is not believed: beyond it nothing would be rare.
    state.shape = max(shape, 0.0)
    state.scale = max(scale, params.resolution)


@njit(cache=True, error_model="numpy")
def _calibrate(records: Any, slots: Any, scores: Any, params: Any, p_values: Any) -> None:
    for i in range(len(slots)):
        if np.isnan(scores[i]):
            p_values[i] = np.nan
            continue
        state = records[slots[i]]
        p_values[i] = p_value_of(state, scores[i], params)
        learn_score(state, scores[i], p_values[i], params)


class PeaksOverThreshold:
    """The calibrators of many entities, one a slot.

    Below the threshold a p-value is the rank among the recent scores; above it the fitted tail
    answers, far beyond what ranks can. The threshold follows the recent scores, so drift is
    followed within a window. A spread below the detector's `resolution` is not taken for real:
    after a constant series a tiny change is no emergency, and a huge one still is.

    Args of its constructor: capacity, the number of slots; calibration, from the pipeline file;
    resolution, of the detector whose scores these are.
    """

    def __init__(self, capacity: int, calibration: Calibration, resolution: float) -> None:
        self.records: NDArray[np.void] = np.zeros(capacity, record(calibration.window))
        self.bytes_per_entity = self.records.dtype.itemsize
        self._params = Params(
            calibration.window,
            calibration.learn_anomalies,
            calibration.anomaly_p_value,
            calibration.relearn_after,
            min(100, calibration.window),
            resolution,
        )

    def p_values(self, slots: Int32s, scores: Floats) -> Floats:
        """Return each score's p-value by the state before it, then learn it, in order.

        Args:
            slots: int32 [n], the slot of each event's entity.
            scores: float64 [n], raw scores; NaN gives NaN and is not learned.

        Returns:
            float64 [n] in 1e-300..1; NaN during warm-up.
        """
        p_values = np.empty(len(scores))
        _calibrate(self.records, slots, np.ascontiguousarray(scores), self._params, p_values)
        return p_values

    def reset(self, slots: Int32s) -> None:
        """Forget the entities in these slots."""
        self.records[slots] = np.zeros((), self.records.dtype)

    def dump(self, slots: Int32s) -> State:
        """Return the states of these slots, in this order."""
        return {"state": self.records[slots]}

    def load(self, state: State) -> None:
        """Fill slots 0, 1, ... with dumped states.

        Raises:
            SnapshotError: written with another window.
        """
        stored = state["state"]
        if not isinstance(stored, np.ndarray) or stored.dtype != self.records.dtype:
            raise SnapshotError("stored calibration does not fit: its window has changed")
        self.records[: len(stored)] = stored

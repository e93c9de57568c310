"""Autoregression: predicts the next value from the last ones.

The autocovariances of the value are kept lag by lag, exponentially forgotten, and the Yule-Walker
equations are solved periodically by Levinson and Durbin's recursion (J. Durbin, Revue de
l'Institut International de Statistique 28, 1960). The history holds deviations from the mean as it
was at their time: with one deviation of each value the autocovariances are those of a series, so
their matrix is positive definite. Deviations from the current mean would differ at each lag, and
the equations of a regular cycle would have no stable solution. A value far from its forecast enters
the history as `CLIP` scales away, so one outlier does not spoil the forecasts after it; a run of
them is a new regime and enters as it is.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight

MEMORY_EVENTS = 4_000.0
"""Memory of the autocovariances in events."""
SOLVED_EVENTS = 256
"""Events between two solutions."""
RIDGE = 1e-4
"""Share of the variance treated as white noise, which keeps the equations well conditioned."""
EARLY_RIDGE = 2.0
"""The same over the number of events, for young entities."""
SCALE_EVENTS = 500.0
"""Memory of the mean error in events."""
CLIP = 4.0
"""Largest error that enters the mean error and the history, in mean errors."""
BELIEVED_EVENTS = 8
"""Clipped errors in a row after which values enter the history as they are."""


def fields(order: int) -> list[Any]:
    """Return the fields of an autoregression of this order."""
    return [
        ("history", "<f4", (order,)),
        ("covariance", "<f4", (order + 1,)),
        ("weights", "<f4", (order,)),
        ("error", "<f4"),
        ("place", "u1"),
        ("clipped", "u1"),
    ]


@kernel_part
def forecast(state: Any, mean: float) -> float:
    """Return the expected offset of the next value; the mean until the first solution."""
    order = len(state.weights)
    start = state.place
    newest = order - start
    total = np.float32(0.0)
    for k in range(newest):
        total += state.weights[k] * state.history[start + k]
    for k in range(start):
        total += state.weights[newest + k] * state.history[k]
    return float(total) + mean


@kernel_part
def scale(state: Any, resolution: float) -> float:
    """Return the mean error, at least a fraction of the resolution of the value."""
    return max(np.float64(state.error), 0.3 * resolution)


@kernel_part
def forget(state: Any) -> None:
    """Start afresh."""
    state.history[:] = 0.0
    state.covariance[:] = 0.0
    state.weights[:] = 0.0
    state.error = 0.0
    state.clipped = 0


@kernel_part
def restart(state: Any, deviation: float) -> None:
    """Fill the history with the deviation of one value, the first after a gap."""
    state.history[:] = deviation
    state.clipped = 0


@kernel_part
def recent_mean(state: Any) -> float:
    """Return the mean deviation of the values of the history."""
    return np.float64(np.mean(state.history))


@kernel_part
def move_mean(state: Any, by: float) -> None:
    """Keep the values of the history when the mean jumps."""
    for i in range(len(state.history)):
        state.history[i] -= np.float32(by)


@kernel_part
def learn(
    state: Any,
    offset: float,
    expected: float,
    mean: float,
    seen: int,
    step: float,
    grown: float = 1.0,
    is_usual: bool = True,
) -> float:
    """Learn a value; return the deviation that entered the history.

    Args:
        state: the value's record.
        offset: the value relative to its origin.
        expected: its forecast.
        mean: the mean offset.
        seen: values before this one.
        step: the resolution of the value.
        grown: how large errors are here, in usual errors.
        is_usual: whether the size of the error tells how large errors usually are.
    """
    error = offset - expected
    bound = CLIP * scale(state, step) * grown
    if abs(error) > bound and seen > 30:
        state.clipped = min(state.clipped + 1, 255)
        error = bound if error > 0.0 else -bound
    else:
        state.clipped = 0
    if is_usual:
        state.error += (abs(error) / grown - state.error) * newest_weight(seen + 1.0, SCALE_EVENTS)
    cleaned = offset if state.clipped >= BELIEVED_EVENTS else expected + error
    _count(state, cleaned - mean, seen)
    order = len(state.weights)
    start = order - 1 if state.place == 0 else state.place - 1
    state.place = start
    state.history[start] = cleaned - mean
    due = seen % SOLVED_EVENTS == 0 or seen == 2 * order or seen == 4 * order
    if due and seen >= 2 * order:
        solve(state, seen)
    return cleaned


@kernel_part
def _count(state: Any, deviation: float, seen: int) -> None:
    order = len(state.weights)
    start = state.place
    newest = order - start
    rate = np.float32(newest_weight(seen + 1.0, MEMORY_EVENTS))
    keep = np.float32(1.0) - rate
    scaled = rate * np.float32(deviation)
    state.covariance[0] = keep * state.covariance[0] + scaled * np.float32(deviation)
    for k in range(newest):
        past = state.history[start + k]
        state.covariance[k + 1] = keep * state.covariance[k + 1] + scaled * past
    for k in range(start):
        at = newest + k + 1
        state.covariance[at] = keep * state.covariance[at] + scaled * state.history[k]


@kernel_part
def _tapered(state: Any, seen: int) -> Floats:
    """Return the autocovariances of the deviations, each times the root of its weight.

    Those that are kept weigh a pair by its newer value: where deviations become smaller, that of
    one lag is larger than the variance, and the equations have no solution.
    """
    found = np.empty(len(state.covariance))
    taper = sqrt(1.0 - 1.0 / MEMORY_EVENTS) if seen >= MEMORY_EVENTS else 1.0
    factor = 1.0
    for k in range(len(found)):
        found[k] = factor * state.covariance[k]
        factor *= taper
    return found


@kernel_part
def solve(state: Any, seen: int) -> None:
    """Solve the Yule-Walker equations for the weights."""
    order = len(state.weights)
    tapered = _tapered(state, seen)
    error = tapered[0] * (1.0 + RIDGE + EARLY_RIDGE / seen)
    if not error > 0.0:
        return
    floor = 1e-9 * error
    weights, before = np.zeros(order), np.zeros(order)
    for k in range(order):
        total = tapered[k + 1]
        for i in range(k):
            total -= weights[i] * tapered[k - i]
        reflection = total / error
        if abs(reflection) >= 1.0:
            break
        for i in range(k):
            before[i] = weights[i]
        weights[k] = reflection
        for i in range(k):
            weights[i] = before[i] - reflection * before[k - 1 - i]
        error *= 1.0 - reflection * reflection
        if error < floor:
            break
    for k in range(order):
        state.weights[k] = weights[k]

"""Reach: how far an event lies beyond all that was seen before, as a part of that range."""

from __future__ import annotations

from typing import Any

from numba import njit

FIELDS = [("low", "<f8"), ("high", "<f8")]


@njit(error_model="numpy")
def beyond(value: float, low: float, high: float, scale: float) -> float:
    """Return the excess over the range as a part of it; of one scale, if the range is less."""
    excess = max(value - high, low - value)
    return excess / max(high - low, scale) if excess > 0.0 else 0.0


@njit(error_model="numpy")
def learn(state: Any, value: float) -> None:
    """Widen the range; to be called before the level counts the event."""
    if state.seen == 0:
        state.low = state.high = value
    state.low = min(state.low, value)
    state.high = max(state.high, value)

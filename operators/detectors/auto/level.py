"""Level: where a value stands, when it is known, and what becomes of a shift that stays."""

from __future__ import annotations

from typing import Any

import numpy as np

from operators.detectors.auto import autoregression, block, hours, season
from operators.detectors.auto.evidence import DRIFT, LEVEL, SPIKE
from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight

LEVEL_EVENTS = 2_000.0
"""Memory of the level in events."""
CLIP = 4.0
"""Largest deviation that is learned, in mean deviations."""
YOUNG_EVENTS, AGED_EVENTS = 200, 2_000
KEPT_EVENTS = 30
"""Events that the mean deviation counts as when the season becomes known."""


@kernel_part
def learn(
    state: Any,
    deviation: float,
    foreseen: float,
    seen: int,
    step: float,
    strange: bool,
    stays: bool,
) -> None:
    """Learn the level of a value that deviates so much from it, after `seen` others."""
    unit = max(np.float64(state.tails[LEVEL].mean), 0.3 * step)
    off = deviation - foreseen if state.aged_at and not np.isnan(foreseen) else deviation
    bound = CLIP * unit if seen > 10 else abs(off)
    if not ((strange and state.sudden) or stays):
        # A shift is adopted in one step, see `settle`.
        state.level += min(max(off, -bound), bound) * newest_weight(seen + 1.0, LEVEL_EVENTS)


@kernel_part
def settle(state: Any, foreseen: float) -> None:
    """Adopt a lasting shift as the new level: the mean of the last values, less their season."""
    far = abs(state.slow) > tail.first_level(state.tails[DRIFT], 0.0)
    state.shifted = min(state.shifted + 1, 65_535) if far else 0
    if state.shifted >= tail.NEW_NORMAL_EVENTS:
        # The pattern has learned some of the shift at the hours that it lasted.
        learned = season.center(state.season)
        moved = autoregression.recent_mean(state.ar) - (foreseen - learned)
        state.level += moved
        autoregression.move_mean(state.ar, moved)
        state.fast, state.slow = 0.0, 0.0
        state.shifted = 0


@kernel_part
def come_of_age(state: Any, time: int, events: int) -> None:
    """Judge levels only after a day or many events: before, each hour may be a new level."""
    minute = hours.minute_of(time)
    if state.began == 0:
        state.began = minute
    a_day = minute - state.began > hours.MINUTES_PER_DAY
    old = a_day or state.seen > AGED_EVENTS
    if state.aged_at == 0 and state.seen >= YOUNG_EVENTS and old:
        state.aged_at = state.seen - KEPT_EVENTS
        if events == 1:
            _take_level_of_day(state)
        tail.forget_counts(state.tails[LEVEL])
        if not tail.is_light(state.tails[SPIKE]):
            # A level that is not known makes errors heavier, never lighter.
            tail.forget_counts(state.tails[SPIKE])
    if events > 1 and a_day and state.block.judged == 0 and state.block.blocks >= YOUNG_EVENTS:
        forget_course(state)
        state.block.judged = 1
        state.aged_at = state.block.blocks
        _take_level_of_day(state)


@kernel_part
def begin_blocks(state: Any) -> None:
    """Begin blocks of another length, which have to show for a day what is usual."""
    season.forget(state.season)
    if state.block.judged:
        forget_course(state)
        state.aged_at = 0
        state.began = 0
    block.forget(state.block)


@kernel_part
def _take_level_of_day(state: Any) -> None:
    level = season.center(state.season)
    autoregression.move_mean(state.ar, level - state.level)
    state.level = level


@kernel_part
def forget_course(state: Any) -> None:
    """Forget what deviations from the level have shown."""
    for e in range(LEVEL, DRIFT + 1):
        tail.forget(state.tails[e])
    state.wobble = 0.0
    state.fast = 0.0
    state.slow = 0.0
    state.hour_rest = 0.0
    state.hour_count = 0
    state.hour_rests[:] = 0.0
    state.near_foreseen = 0.0
    state.outside = 0
    state.sudden = 0
    state.unseasonal = 0
    state.paused = 0
    state.noisy = 0
    state.first_rest = 0.0
    state.shifted = 0

"""Onset calibration: turns scores into p-values that state how often alerts begin.

The scores of neighbouring events are dependent: one episode of anomalous events is one alert. A
p-value below `ONSET_P` therefore states how often an alert *begins*. Each level p of a ladder has
a bar. The event whose score passes the bar is an onset, unless another onset of the same level
was shortly before. Each onset that narrowly passes the bar raises it by a step, and each event
lowers it a little. In the long run onsets are as frequent as p, whether scores are dependent or
not (quantile tracking: Gibbs and Candes, NeurIPS 2021; Angelopoulos, Candes and Tibshirani,
NeurIPS 2023). The bar starts at the score that noise reaches with probability p.

A spike that recurs raises the bar each time, until it lies below the bar: it has become normal.
Above `ONSET_P` the p-value is the rank of the score among all scores of the entity; old scores
count less.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Bools, Floats, Int32s
from operators.kernels.kernel_part import kernel_part
from operators.kernels.record_bank import RecordBank, kernel

LEVELS = 9
FIRST_LEVEL = 2.0
LEVEL_STEP = 0.5
"""Level j is p = 10**-(FIRST_LEVEL + LEVEL_STEP * j)."""
LEVEL_RATIO = 10.0**-LEVEL_STEP
MIN_BAR_GAP = 0.1
"""Least difference of the bars of two neighbouring levels, in units of the score."""
BLOCKED_SHARE = 0.999
"""Share of a level step that a score gains by passing a bar within its quiet time."""
ONSET_P = 10.0**-FIRST_LEVEL
"""P-values below this are frequencies of onsets, those above are ranks."""
BAR_STEP = 0.2
"""An onset raises a bar by this many powers of ten."""
ALIEN_DISTANCE = 2.0
"""An onset this many powers of ten beyond a level does not move the bar of the level."""
NARROW_SHARE = 1.0 - 10.0**-ALIEN_DISTANCE
"""Share of the onsets of a level that move its bar."""
MIN_BAR_OFFSET, MAX_BAR_OFFSET = -1.2, 6.0
"""Bounds of the distance of a bar from its start, whatever quiet or eventful periods come."""
MIN_QUIET_EVENTS, MAX_QUIET_EVENTS = 20.0, 400.0
"""Bounds of the quiet time after an onset. Until a score falls below the bar it is the maximum."""
QUIET_SHARE = 0.03
"""Quiet time after an onset, as a share of the events seen."""
QUIET_OF_PERIOD = 0.1
"""Longest quiet time, as a share of the period 1 / p of a level."""
NEW_EPISODE_EXCESS = 3.0
"""A score this far above the one of the last onset starts a new episode at once."""
BINS = 38
BINS_PER_UNIT = 8.0
RANK_MEMORY_EVENTS = 20_000
"""After this many scores the counts of the ranks are halved."""
COMMON_SHARE = 0.05
"""A score that more than this share of the scores reach cannot be an onset."""
MAX_SCORE = 290.0

RECORD = np.dtype(
    [
        ("moved", "<f4", (LEVELS,)),
        ("peak", "<f4", (LEVELS,)),
        ("since", "<u2", (LEVELS,)),
        ("over", "u1", (LEVELS,)),
        ("ranks", "<u2", (BINS,)),
        ("counted", "<u2"),
        ("seen", "<u4"),
    ]
)


@kernel_part
def level_of(j: int) -> float:
    """Return -log10 of the p-value of level j."""
    return FIRST_LEVEL + LEVEL_STEP * j


@kernel_part
def bar_of(state: Any, j: int, below: float) -> float:
    """Return the bar of level j in units of the score; `below` is the bar of level j - 1."""
    return max(level_of(j) + state.moved[j], below + MIN_BAR_GAP)


@kernel_part
def is_open(state: Any, j: int, score: float) -> bool:
    """Return whether a score above the bar of level j is an onset, by the time since the last."""
    quiet = MAX_QUIET_EVENTS
    if state.over[j]:
        quiet = min(max(QUIET_SHARE * state.seen, MIN_QUIET_EVENTS), MAX_QUIET_EVENTS)
    quiet = min(quiet, QUIET_OF_PERIOD * 10.0 ** level_of(j))
    return (
        state.peak[j] == 0.0 or state.since[j] > quiet or score > state.peak[j] + NEW_EPISODE_EXCESS
    )


@kernel_part
def rank_of(state: Any, score: float) -> float:
    """Return the share of the scores that were at least as large, interpolated in its bin."""
    place = min(max(score * BINS_PER_UNIT, 0.0), BINS - 1e-6)
    own = int(place)
    above = state.ranks[own] * (1.0 - (place - own))
    for k in range(own + 1, BINS):
        above += state.ranks[k]
    return min((above + 0.5) / (state.counted + 1.0), 1.0)


@kernel_part
def p_value_of(state: Any, score: float) -> float:
    """Return the p-value of a score by the state as it is."""
    power = power_of(state, score)
    if power > 0.0:
        return 10.0**-power
    rank = rank_of(state, score)
    return max(rank, COMMON_SHARE) if is_common(state, score) else max(rank, 1.01 * ONSET_P)


@kernel_part
def power_of(state: Any, score: float) -> float:
    """Return -log10 of the p-value of an onset; 0 if the event is none."""
    bar, power = 0.0, 0.0
    if score < bar_of(state, 0, 0.0) or is_common(state, score):
        return power
    for j in range(LEVELS):
        below, bar = bar, bar_of(state, j, bar)
        reached = j > 0 and power == level_of(j - 1)
        if score < bar:
            return power + LEVEL_STEP * (score - below) / (bar - below) if reached else power
        if is_open(state, j, score):
            power = level_of(j)
        elif reached:
            power += BLOCKED_SHARE * LEVEL_STEP
    return power + score - bar if power == level_of(LEVELS - 1) else power


@kernel_part
def is_common(state: Any, score: float) -> bool:
    """Return whether more than COMMON_SHARE of the scores lie in its bin or above."""
    above = 0
    for k in range(int(min(max(score * BINS_PER_UNIT, 0.0), BINS - 1e-6)), BINS):
        above += state.ranks[k]
    return above + 0.5 > COMMON_SHARE * (state.counted + 1.0)


@kernel_part
def learn_score(state: Any, score: float) -> None:
    """Move the bars and count the score for the ranks."""
    power, rate, bar = power_of(state, score), ONSET_P, 0.0
    for j in range(LEVELS):
        step = -BAR_STEP * NARROW_SHARE * rate
        bar = bar_of(state, j, bar)
        if score < bar:
            state.over[j] = 1
        state.since[j] = min(state.since[j] + 1, 65_535)
        if power >= level_of(j):
            state.peak[j] = score
            state.since[j] = 0
            state.over[j] = 0
            if power < level_of(j) + ALIEN_DISTANCE:
                step = BAR_STEP
        state.moved[j] = min(max(state.moved[j] + step, MIN_BAR_OFFSET), MAX_BAR_OFFSET)
        rate *= LEVEL_RATIO
    state.seen = min(state.seen + 1, 2**31)
    state.ranks[int(min(max(score * BINS_PER_UNIT, 0.0), BINS - 1e-6))] += 1
    state.counted += 1
    if state.counted >= RANK_MEMORY_EVENTS:
        state.counted = 0
        for k in range(BINS):
            state.ranks[k] //= 2
            state.counted += state.ranks[k]


def _loop(  # pragma: no cover - runs compiled
    records: Any, slots: Int32s, powers: Floats, learns: Bools, p_values: Floats
) -> None:
    for i in range(len(slots)):
        if np.isnan(powers[i]):
            p_values[i] = np.nan
            continue
        state = records[slots[i]]
        score = min(max(powers[i], 0.0), MAX_SCORE)
        p_values[i] = p_value_of(state, score)
        if learns[i]:
            learn_score(state, score)


_calibrate = kernel(_loop)


class Onsets(RecordBank):
    """The calibrators of many entities, one per slot.

    Reset, dumped and loaded like the bank of a detector.

    Args:
        capacity: number of slots.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, RECORD)

    def p_values(self, slots: Int32s, powers: Floats, learn: Bools) -> Floats:
        """Return each score's p-value by the state before it, then learn it, in order.

        Args:
            slots: int32 [n], the slot of each event's entity.
            powers: float64 [n], -log10 of the probability that noise reaches the score. NaN gives
                NaN and is not learned.
            learn: bool [n]; False gives a p-value without learning.

        Returns:
            float64 [n] in 1e-300..1.
        """
        p_values = np.empty(len(powers))
        _calibrate(self.records, slots, np.ascontiguousarray(powers), learn, p_values)
        return p_values

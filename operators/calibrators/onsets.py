"""Onsets: a score's rarity in noise in, p-value out, such that alerts come as often as it says.

Scores of neighbouring events tell the same story, and one story is one alert. So the p-values
below `FEW` say how often an alert *begins*: at each of a ladder of levels p there is a bar, and the
event at which a score passes the bar is an onset unless one of the same level was shortly before.
The bar is raised by a step at each onset that just passes it, and lowered a little at each event:
whatever the scores, dependent or not, onsets are in the long run as frequent as p (quantile
tracking: Gibbs and Candes, NeurIPS 2021; Angelopoulos, Candes and Tibshirani, NeurIPS 2023). It
begins where the noise that the detector knows of has it.

A spike that comes again and again raises the bar each time, until it lies below: it is normal then.
Above `FEW` a p-value is the rank of the score among all of the entity's, long ago counting less.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from engine.domain.batch import Bools, Floats, Int32s
from operators.kernels.record_bank import RecordBank, kernel

LEVELS = 9
FIRST = 2.0
APART = 0.5
"""The levels are p = 10**-2, 10**-2.5, ..."""
RATIO = 10.0**-APART
LEAST_APART = 0.1
"""A bar lies above the one of the level before by at least so much."""
NEARLY = 0.999
FEW = 10.0**-FIRST
STEP = 0.2
"""What an onset raises a bar by, in decimal powers."""
ALIEN = 2.0
"""An onset so many decimal powers beyond a level says nothing of where its bar ought to be."""
OWN_SHARE = 1.0 - 10.0**-ALIEN
"""Share of the onsets of a level that are not alien to it."""
LOWEST, HIGHEST = -1.2, 6.0
"""A bar is moved by at most so much: no calm makes noise an alarm, no storm blinds for ever."""
LEAST_QUIET, GREATEST_QUIET = 20.0, 400.0
QUIET_SHARE = 0.03
QUIET_OF_PERIOD = 0.1
"""Events of quiet after an onset: a share of those seen, and never much of the period 1/p. Until a
score is below the bar again it is the greatest: that story still goes on."""
BEATS = 3.0
"""A score greater than that of the last onset by so much is another story at once."""
BINS = 38
PER_UNIT = 8.0
COUNTED = 20_000
"""Scores after which ranks forget one half."""
RARE = 0.05
"""Share of the scores that may tie with an onset: what is common cannot be one."""
GREATEST = 290.0

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


@njit(error_model="numpy")
def level_of(j: int) -> float:
    """Return -log10 of the p-value of level j."""
    return FIRST + APART * j


@njit(error_model="numpy")
def bar_of(state: Any, j: int, below: float) -> float:
    """Return the bar of level j, in units of the score; that of the level before is `below`."""
    return max(level_of(j) + state.moved[j], below + LEAST_APART)


@njit(error_model="numpy")
def is_open(state: Any, j: int, score: float) -> bool:
    """Return whether a score that passes the bar of level j would be an onset."""
    quiet = GREATEST_QUIET
    if state.over[j]:
        quiet = min(max(QUIET_SHARE * state.seen, LEAST_QUIET), GREATEST_QUIET)
    quiet = min(quiet, QUIET_OF_PERIOD * 10.0 ** level_of(j))
    return state.peak[j] == 0.0 or state.since[j] > quiet or score > state.peak[j] + BEATS


@njit(error_model="numpy")
def rank_of(state: Any, score: float) -> float:
    """Return the share of the scores that were as large, those of its own bin in part."""
    place = min(max(score * PER_UNIT, 0.0), BINS - 1e-6)
    own = int(place)
    above = state.ranks[own] * (1.0 - (place - own))
    for k in range(own + 1, BINS):
        above += state.ranks[k]
    return min((above + 0.5) / (state.counted + 1.0), 1.0)


@njit(error_model="numpy")
def p_value_of(state: Any, score: float) -> float:
    """Return the p-value of a score by the state as it is."""
    power = power_of(state, score)
    if power > 0.0:
        return 10.0**-power
    rank = rank_of(state, score)
    return max(rank, RARE) if is_common(state, score) else max(rank, 1.01 * FEW)


@njit(error_model="numpy")
def power_of(state: Any, score: float) -> float:
    """Return -log10 of the p-value where an event begins a story; 0 where it does not."""
    bar, power = 0.0, 0.0
    if score < bar_of(state, 0, 0.0) or is_common(state, score):
        return power
    for j in range(LEVELS):
        below, bar = bar, bar_of(state, j, bar)
        reached = j > 0 and power == level_of(j - 1)
        if score < bar:
            return power + APART * (score - below) / (bar - below) if reached else power
        if is_open(state, j, score):
            power = level_of(j)
        elif reached:
            power += NEARLY * APART
    return power + score - bar if power == level_of(LEVELS - 1) else power


@njit(error_model="numpy")
def is_common(state: Any, score: float) -> bool:
    """Return whether more than a few scores were as large as this, or in its bin."""
    above = 0
    for k in range(int(min(max(score * PER_UNIT, 0.0), BINS - 1e-6)), BINS):
        above += state.ranks[k]
    return above + 0.5 > RARE * (state.counted + 1.0)


@njit(error_model="numpy")
def learn_score(state: Any, score: float) -> None:
    """Move the bars, and count the score."""
    power, rate, bar = power_of(state, score), FEW, 0.0
    for j in range(LEVELS):
        step = -STEP * OWN_SHARE * rate
        bar = bar_of(state, j, bar)
        if score < bar:
            state.over[j] = 1
        state.since[j] = min(state.since[j] + 1, 65_535)
        if power >= level_of(j):
            state.peak[j] = score
            state.since[j] = 0
            state.over[j] = 0
            if power < level_of(j) + ALIEN:
                step = STEP
        state.moved[j] = min(max(state.moved[j] + step, LOWEST), HIGHEST)
        rate *= RATIO
    state.seen = min(state.seen + 1, 2**31)
    state.ranks[int(min(max(score * PER_UNIT, 0.0), BINS - 1e-6))] += 1
    state.counted += 1
    if state.counted >= COUNTED:
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
        score = min(max(powers[i], 0.0), GREATEST)
        p_values[i] = p_value_of(state, score)
        if learns[i]:
            learn_score(state, score)


_calibrate = kernel(_loop)


class Onsets(RecordBank):
    """The calibrators of many entities, one a slot; reset, dumped and loaded as a detector's bank.

    Args of its constructor: capacity, the number of slots.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, RECORD)
        self.bytes_per_entity = RECORD.itemsize

    def p_values(self, slots: Int32s, powers: Floats, learn: Bools) -> Floats:
        """Return each score's p-value by the state before it, then learn it, in order.

        Args:
            slots: int32 [n], the slot of each event's entity.
            powers: float64 [n], -log10 of how often noise reaches the score; NaN gives NaN and is
                not learned.
            learn: bool [n]; False looks without learning.

        Returns:
            float64 [n] in 1e-300..1.
        """
        p_values = np.empty(len(powers))
        _calibrate(self.records, slots, np.ascontiguousarray(powers), learn, p_values)
        return p_values

"""Gaps: how rare it is that an entity has not sent for so long.

How rare a gap is follows from the entity's earlier gaps, by the tail that `auto` uses. Gaps as rare
as an anomaly are not learned, unless they come again at the same hour of the day. An absence is
published a quarter later than it is rare, so that entities that stopped together are seen together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from engine.domain.time_units import NS_PER_DAY, NS_PER_HOUR
from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part

WARM_UP = 50
"""Gaps of an entity before its silence is judged by them."""
LEAST_GAP_NS = 1e9
"""ns: lower bound of the mean gap."""
PATIENCE = 1.25
"""Length at which a gap is published, as a multiple of that at which it was rare enough."""
AGAIN = 0.1
"""Growth after which a silence that was not rare is judged again."""
SCHEDULED, USUAL = 2, 1.5
"""Long silences in a row from the same hour of the day on after which one from that hour on is
usual, and its largest length as a multiple of the longest of them."""
LAG_WEIGHT = 1 / 1_024
"""Part by which the bounds of an entity's lag return to where its events are."""
NEVER = 2**63 - 1
PRESENT, WAITING, ABSENT, TOGETHER_ABSENT, ENDED, GROUPED = range(6)
"""What is known of an entity; GROUPED + k: it is absent in group k."""

RECORD = np.dtype(
    [
        ("born", "<i8"),
        ("seen", "<i8"),
        ("deadline", "<i8"),
        ("rare", "<f8"),
        ("when", "<i8"),
        ("offset", "<i8"),
        ("index", "<i4"),
        ("known", "u1"),
        ("state", "u1"),
        ("hour", "u1"),
        ("alike", "u1"),
        ("counted", "u1"),
        ("usual", "<f8"),
        ("least_lag", "<f8"),
        ("most_lag", "<f8"),
        ("tail", tail.RECORD),
    ]
)
"""Of one entity: how far event time had come with its first event and with its last one, when to
look at it, how long its silence was when it was rare enough; time and place of its last event;
whether there is one, what was published, and whether it counts as one that ended; the hour of its
last long silence, how many in a row began at it, the longest of them; by how much its events lie
behind the progress of event time, at least and at most, in ns against an unknown zero; and the tail
of its gaps."""


class Limits(NamedTuple):
    """What a silence is held against.

    Attributes:
        after: ns; 0 if it is learned.
        per_day: false alarms a day of the pipeline, or of an entity.
        entity_share: the most a day of one entity; infinite without such a bound.
        most: the highest p-value.
        partitions: that share what the pipeline has.
        each: whether each entity has `per_day`.
    """

    after: int
    per_day: float
    entity_share: float
    most: float
    partitions: float
    each: bool


@kernel_part
def threshold(state: Any, total: float, limits: Any) -> float:
    """Return the p-value that a silence is held against."""
    rate = NS_PER_DAY / max(np.float64(state.tail.mean), LEAST_GAP_NS)
    whole = rate if limits.each else max(rate, total * limits.partitions)
    return min(limits.most, limits.per_day / whole, limits.entity_share / rate)


@kernel_part
def p_of(state: Any, silence: int) -> float:
    """Return how rare a silence is for its entity."""
    return tail.p_value(state.tail, np.float64(silence), LEAST_GAP_NS, 0.0, 1.0)


@kernel_part
def is_usual(state: Any, silence: int) -> bool:
    """Return whether a silence began when long ones do, and is no longer than they are."""
    if state.alike < SCHEDULED or silence > USUAL * state.usual:
        return False
    return same_hour(hour_of(state.when), state.hour)


@kernel_part
def hour_of(time: int) -> int:
    """Return the hour of the day, in UTC."""
    return (time // NS_PER_HOUR) % 24


@kernel_part
def same_hour(one: int, other: int) -> bool:
    """Return whether hours of the day are the same or neighbours."""
    apart = (one - other + 24) % 24
    return apart <= 1 or apart == 23


@kernel_part
def observe_lag(state: Any, lag: float) -> None:
    """Note by how much an event lies behind the progress of event time."""
    if state.least_lag == 0.0 and state.most_lag == 0.0:
        state.least_lag, state.most_lag = lag, lag
    state.least_lag = min(lag, state.least_lag + LAG_WEIGHT * (lag - state.least_lag))
    state.most_lag = max(lag, state.most_lag + LAG_WEIGHT * (lag - state.most_lag))


@kernel_part
def start_of_silence(state: Any, limits: Any) -> int:
    """Return from when on an entity is silent, as far as others can have gone ahead of it."""
    if limits.after:
        return state.seen
    return state.seen + np.int64(state.most_lag - state.least_lag)


@kernel_part
def learn_gap(state: Any, gap: int) -> None:
    """Learn how long the entity was silent before its newest event."""
    p = p_of(state, gap)
    hour_number = state.when // NS_PER_HOUR + 1
    tail.learn(state.tail, np.float64(gap), p, LEAST_GAP_NS, 0.0, hour_number, 1.0)
    if p > tail.ALIEN_P:
        return
    hour = hour_of(state.when)
    alike = same_hour(hour, state.hour) and state.alike > 0
    state.alike = min(state.alike + 1, 255) if alike else 1
    state.usual = max(np.float64(gap), 0.9 * state.usual) if alike else np.float64(gap)
    state.hour = hour


@kernel_part
def next_look(state: Any, limits: Any) -> int:
    """Return how far event time has come when the entity is to be looked at."""
    if limits.after:
        return state.seen + np.int64(limits.after / PATIENCE)
    if state.tail.events < WARM_UP:
        return NEVER
    return start_of_silence(state, limits) + np.int64(tail.first_level(state.tail, LEAST_GAP_NS))


@kernel_part
def judge(state: Any, now: int, total: float, limits: Any) -> bool:
    """Return whether an entity's absence is to be published; note when it became rare enough."""
    start = start_of_silence(state, limits)
    silence = now - start
    if state.state == PRESENT and limits.after:
        state.state, state.rare = WAITING, limits.after / PATIENCE
    elif state.state == PRESENT:
        if p_of(state, silence) > threshold(state, total, limits) or is_usual(state, silence):
            state.deadline = now + np.int64(AGAIN * silence)
            return False
        state.state, state.rare = WAITING, silence
    state.deadline = start + np.int64(PATIENCE * state.rare)
    return now >= state.deadline


@kernel_part
def is_before(one: Any, other: Any) -> bool:
    """Return whether the last event of an entity stands before that of another in the source."""
    if one.offset != other.offset:
        return bool(one.offset < other.offset)
    return bool(one.index < other.index)


@kernel_part
def look_again(state: Any, watch: Any, limits: Any) -> None:
    """Note when an entity that has spoken is to be looked at."""
    state.deadline = next_look(state, limits)
    watch.next = min(watch.next, state.deadline)


@kernel_part
def judge_again(records: Any, watch: Any, absent: int, now: int, limits: Any) -> None:
    """Judge entities that were absent together by themselves from now on.

    Args:
        records: of all entities.
        watch: of the task.
        absent: their state.
        now: how far event time has come.
        limits: what a silence is held against.
    """
    for k in range(watch.slots):
        if records[k].state == absent:
            records[k].state, records[k].seen = PRESENT, now
            look_again(records[k], watch, limits)

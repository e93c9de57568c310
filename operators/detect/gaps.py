"""Gaps: how rare it is that an entity has not sent for so long, and who stopped together.

How rare a gap is follows from the entity's earlier gaps, by the tail that `auto` uses. Gaps as rare
as an anomaly are not learned, unless they come again at the same hour of the day. An absence is
published a quarter later than it is rare, so that entities that stopped together are seen together:
if half of all have, it is one absence, of the task.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from engine.domain.batch import Floats, Int32s, Int64s
from engine.domain.time_units import NS_PER_DAY, NS_PER_HOUR
from operators.kernels import moving_mean, tail
from operators.kernels.record_bank import kernel

WARM_UP = 50
"""Gaps of an entity before its silence is judged by them."""
LEAST_GAP_NS = 1e9
"""ns: least mean gap to believe in."""
PATIENCE = 1.25
"""A gap is published at so many times the length at which it was rare enough."""
AGAIN = 0.1
"""A silence that was not rare is judged again when it is longer by so much."""
TOGETHER, MANY = 0.5, 10
"""Part of the entities that stopped, and their least number, that make one absence of it."""
FEW = 4
"""Of fewer entities: all but one, if they are so many."""
SCHEDULED, USUAL = 2, 1.5
"""After so many long silences in a row from the same hour of the day on, one from that hour on is
usual while it lasts no longer than so many times the longest of them."""
LAG_WEIGHT = 1 / 1_024
"""Part by which the bounds of an entity's lag return to where its events are."""
EACH = 8
"""All entities are looked at once in as many events as an eighth of their number, at most."""
NEVER = 2**63 - 1
PRESENT, WAITING, ABSENT, TOGETHER_ABSENT = range(4)
RAISED, RETURNED, ALL_RAISED, ALL_RETURNED = range(4)

RECORD = np.dtype(
    [
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
        ("usual", "<f8"),
        ("least_lag", "<f8"),
        ("most_lag", "<f8"),
        ("tail", tail.RECORD),
    ]
)
"""Of one entity: how far event time had come with its last event, when to look at it, how long its
silence was when it was rare enough; time and place of its last event; whether there is one, and
what was published; the hour of its last long silence, how many in a row began at it, the longest of
them; by how much its events lie behind the progress of event time, at least and at most, in ns
against an unknown zero; and the tail of its gaps."""

WATCH = np.dtype(
    [
        ("next", "<i8"),
        ("waited", "<i8"),
        ("slots", "<i4"),
        ("count", "<i4"),
        ("members", "<i4"),
        ("back", "<i4"),
        ("began", "<i8"),
        ("when", "<i8"),
        ("offset", "<i8"),
        ("index", "<i4"),
    ]
)
"""Of the task: when to look at all entities, how many events ago that was done, slots ever used,
and how many have an entity; entities that stopped together, how many of them are back, and the last
event of them."""


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


@njit(error_model="numpy")
def threshold(state: Any, total: float, limits: Any) -> float:
    """Return the p-value that a silence is held against."""
    rate = NS_PER_DAY / max(np.float64(state.tail.mean), LEAST_GAP_NS)
    whole = rate if limits.each else max(rate, total * limits.partitions)
    return min(limits.most, limits.per_day / whole, limits.entity_share / rate)


@njit(error_model="numpy")
def p_of(state: Any, silence: int) -> float:
    """Return how rare a silence is for its entity."""
    return tail.p_value(state.tail, np.float64(silence), LEAST_GAP_NS, 0.0, 1.0)


@njit(error_model="numpy")
def is_usual(state: Any, silence: int) -> bool:
    """Return whether a silence began when long ones do, and is no longer than they are."""
    if state.alike < SCHEDULED or silence > USUAL * state.usual:
        return False
    return same_hour(hour_of(state.when), state.hour)


@njit(error_model="numpy")
def hour_of(time: int) -> int:
    """Return the hour of the day, in UTC."""
    return (time // NS_PER_HOUR) % 24


@njit(error_model="numpy")
def same_hour(one: int, other: int) -> bool:
    """Return whether hours of the day are the same or neighbours."""
    apart = (one - other + 24) % 24
    return apart <= 1 or apart == 23


@njit(error_model="numpy")
def observe_lag(state: Any, lag: float) -> None:
    """Note by how much an event lies behind the progress of event time."""
    if state.least_lag == 0.0 and state.most_lag == 0.0:
        state.least_lag, state.most_lag = lag, lag
    state.least_lag = min(lag, state.least_lag + LAG_WEIGHT * (lag - state.least_lag))
    state.most_lag = max(lag, state.most_lag + LAG_WEIGHT * (lag - state.most_lag))


@njit(error_model="numpy")
def start_of_silence(state: Any, limits: Any) -> int:
    """Return from when on an entity is silent, as far as others can have gone ahead of it."""
    if limits.after:
        return state.seen
    return state.seen + np.int64(state.most_lag - state.least_lag)


@njit(error_model="numpy")
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


@njit(error_model="numpy")
def next_look(state: Any, limits: Any) -> int:
    """Return how far event time has come when the entity is to be looked at."""
    if limits.after:
        return state.seen + np.int64(limits.after / PATIENCE)
    if state.tail.events < WARM_UP:
        return NEVER
    return start_of_silence(state, limits) + np.int64(tail.first_level(state.tail, LEAST_GAP_NS))


@njit(error_model="numpy")
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


@njit(error_model="numpy")
def observe_event(state: Any, watch: Any, now: int, limits: Any) -> bool:
    """Note that an entity has sent; return whether its absence was published."""
    was = state.state
    if not state.known:
        watch.count += 1
    elif was == TOGETHER_ABSENT:
        watch.back += 1
    elif not limits.after:
        learn_gap(state, now - state.seen)
    state.known, state.state, state.seen = 1, PRESENT, now
    return was == ABSENT


@njit(error_model="numpy")
def look_again(state: Any, watch: Any, limits: Any) -> None:
    """Note when an entity that has spoken is to be looked at."""
    state.deadline = next_look(state, limits)
    watch.next = min(watch.next, state.deadline)


@njit(error_model="numpy")
def end_together(records: Any, watch: Any, now: int, limits: Any) -> None:
    """End an absence of the task: those that are not back are judged by themselves from now on."""
    watch.members, watch.back = 0, 0
    for k in range(watch.slots):
        if records[k].state == TOGETHER_ABSENT:
            records[k].state, records[k].seen = PRESENT, now
            look_again(records[k], watch, limits)


@njit(error_model="numpy")
def are_together(records: Any, watch: Any, now: int, total: float, limits: Any) -> int:
    """Judge all entities; return how many stopped together, 0 if each stopped by itself."""
    waiting, absent, judged = 0, 0, 0
    for k in range(watch.slots):
        state = records[k]
        if not state.known or state.state > WAITING:
            continue
        judged += state.deadline != NEVER
        if now >= state.deadline:
            absent += judge(state, now, total, limits)
        waiting += state.state == WAITING
    many = waiting >= max(MANY, TOGETHER * judged) or waiting >= max(FEW, judged - 1)
    return waiting if (absent > 0 and many) or watch.members > 0 else 0


@njit(error_model="numpy")
def join(records: Any, watch: Any, now: int, limits: Any) -> float:
    """Make one absence of those that wait; return the p-value of the rarest."""
    rarest, newest = 1.0, -1
    for k in range(watch.slots):
        state = records[k]
        if state.known and state.state == WAITING:
            state.state = TOGETHER_ABSENT
            rarest = min(rarest, p_of(state, now - start_of_silence(state, limits)))
            if newest < 0 or state.offset > records[newest].offset:
                newest = k
    if newest >= 0 and watch.members == 0:
        last = records[newest]
        watch.began, watch.when = last.seen, last.when
        watch.offset, watch.index = last.offset, last.index
    return rarest


@njit(error_model="numpy")
def row_of(row: int, slot: int, what: int, state: Any, p: float, silence: int, count: int) -> Any:
    """Return the absence of an entity, or of the task."""
    place = np.int64(state.when), np.int64(state.offset), np.int64(state.index)
    return row, slot, what, p, np.int64(silence), np.int64(count), *place


def _loop(  # pragma: no cover - runs compiled
    records: Any,
    watches: Any,
    slots: Int32s,
    times: Int64s,
    offsets: Int64s,
    indices: Int32s,
    elapsed: Int64s,
    progress: Int64s,
    totals: Floats,
    limits: Any,
) -> Any:
    watch = watches[0]
    found = [(0, 0, 0, 0.0, 0, 0, 0, 0, 0)]
    found.pop()
    for i in range(len(slots)):
        slot, now = np.int64(slots[i]), elapsed[i]
        state = records[slot]
        silence = now - state.seen
        if observe_event(state, watch, now, limits):
            found.append(row_of(i, slot, RETURNED, state, np.nan, silence, 1))
        observe_lag(state, np.float64(progress[i] - times[i]))
        state.when, state.offset, state.index = times[i], offsets[i], indices[i]
        look_again(state, watch, limits)
        watch.slots = max(watch.slots, slot + 1)
        watch.waited += 1
        if watch.members > 0 and 2 * watch.back >= watch.members:
            silence = now - watch.began
            found.append(row_of(i, 0, ALL_RETURNED, watch, np.nan, silence, watch.members))
            end_together(records, watch, now, limits)
        if now < watch.next or watch.waited * EACH < watch.count:
            continue
        watch.waited, watch.next = 0, NEVER
        together = are_together(records, watch, now, totals[i], limits)
        if together:
            rarest = join(records, watch, now, limits)
            if watch.members == 0:
                p = np.nan if limits.after else rarest
                silence = now - watch.began
                found.append(row_of(i, 0, ALL_RAISED, watch, p, silence, together))
            watch.members += together
        for k in range(watch.slots):
            other = records[k]
            if not other.known or other.state > WAITING:
                continue
            if other.state == WAITING and now >= other.deadline:
                other.state = ABSENT
                silence = now - other.seen
                start = start_of_silence(other, limits)
                p = np.nan if limits.after else p_of(other, now - start)
                found.append(row_of(i, k, RAISED, other, p, silence, 1))
            else:
                watch.next = min(watch.next, other.deadline)
    return found


observe = kernel(_loop, (tail, moving_mean))

"""Entities of a task that stop together: one absence of it, and not one of each.

If half of the entities have stopped, it is one absence, until half of them are back, or replaced by
new ones. Those that stop long after them are judged by themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from operators.detect import natural_ends
from operators.detect.gaps import (
    ENDED,
    LEAST_GAP_NS,
    NEVER,
    TOGETHER_ABSENT,
    WAITING,
    is_before,
    judge,
    judge_again,
    p_of,
    start_of_silence,
)
from operators.kernels.kernel_part import kernel_part

TOGETHER, MANY = 0.5, 10
"""Part of the entities that stopped, and their least number, that make one absence of it."""
FEW = 4
"""The same for fewer entities: all but one, from this number on."""
NEW_GAPS = 20.0
"""Mean gaps of silence after which an entity that is not judged yet is gone."""

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
        ("until", "<i8"),
        ("lasting", "u1"),
        ("elapsed", "<i8"),
        ("returned", "u1"),
        *natural_ends.FIELDS,
    ]
)
"""Of the task: when to look at all entities, how many events ago that was done, slots ever used,
and how many have an entity; entities that stopped together, how many of them are back, and the last
event of them; until when others join them; whether any lives longer than keys that end; how far
event time had come with the last event; whether an entity of a group is back; and how often keys
end."""


@kernel_part
def end_together(records: Any, watch: Any, now: int, limits: Any) -> None:
    """End an absence of the task: those that are not back are judged by themselves from now on."""
    watch.members, watch.back, watch.lasting = 0, 0, 0
    judge_again(records, watch, TOGETHER_ABSENT, now, limits)


@kernel_part
def is_present(state: Any, now: int) -> bool:
    """Return whether an entity is one of those of which some stop: judged, or new and sending."""
    if state.deadline != NEVER:
        return True
    mean_gap = max(np.float64(state.tail.mean), LEAST_GAP_NS)
    return bool(np.float64(now - state.seen) <= NEW_GAPS * mean_gap)


@kernel_part
def are_together(records: Any, watch: Any, now: int, total: float, limits: Any) -> Any:
    """Judge all entities; return how many stopped together, and until when.

    None, if each stopped by itself. Where some have stopped together before, those that stopped at
    about that time join them.
    """
    waiting, absent, present, joining, gone = 0, 0, 0, 0, 0
    for k in range(watch.slots):
        state = records[k]
        if not state.known or state.state > WAITING:
            continue
        if is_present(state, now):
            present += 1
        elif not limits.after and state.tail.events >= natural_ends.NEWBORN_GAPS:
            gone += natural_ends.count_end(state, watch)
        if now >= state.deadline:
            absent += judge(state, now, total, limits)
        waiting += state.state == WAITING
        joining += state.state == WAITING and state.seen <= watch.until
    natural_ends.use_fresh(watch, now, gone)
    many = waiting >= max(MANY, TOGETHER * present) or waiting >= max(FEW, present - 1)
    if absent > 0 and many:
        return waiting, NEVER
    return (joining if watch.members > 0 else 0), watch.until


@kernel_part
def are_ends(
    records: Any, watch: Any, now: int, together: int, accepted: float, limits: Any
) -> bool:
    """Return whether entities that stopped together ended: few of those that do, or replaced."""
    if limits.after or watch.members > 0:
        return False
    replaced = natural_ends.fresh(watch, now) >= natural_ends.REPLACED * together
    if together >= MANY and not replaced:
        return False
    for k in range(watch.slots):
        state = records[k]
        if not state.known or state.state != WAITING:
            continue
        odd = natural_ends.is_odd(state, watch)
        if odd or not (replaced or natural_ends.is_natural(state, watch, now, accepted)):
            return False
    return True


@kernel_part
def end_all(records: Any, watch: Any, now: int) -> None:
    """Take the end of those that wait for natural."""
    for k in range(watch.slots):
        if records[k].known and records[k].state == WAITING:
            records[k].state = ENDED
    natural_ends.count_ends(records, watch, now, ENDED, ENDED)


@kernel_part
def join(records: Any, watch: Any, now: int, limits: Any, until: int) -> float:
    """Make one absence of those that wait and stopped in time; return the p-value of the rarest."""
    rarest, newest = 1.0, -1
    for k in range(watch.slots):
        state = records[k]
        if state.known and state.state == WAITING and state.seen <= until:
            state.state = TOGETHER_ABSENT
            watch.lasting |= natural_ends.is_odd(state, watch)
            rarest = min(rarest, p_of(state, now - start_of_silence(state, limits)))
            if newest < 0 or is_before(records[newest], state):
                newest = k
    if newest >= 0 and watch.members == 0:
        last = records[newest]
        watch.began, watch.when = last.seen, last.when
        watch.offset, watch.index = last.offset, last.index
    watch.until = max(watch.until, now + now - watch.began)
    return rarest


@kernel_part
def accepted_ends(watch: Any, total: float, limits: Any) -> float:
    """Return how many keys that end in a day are published one by one."""
    if limits.each:
        return limits.per_day * watch.count
    return min(limits.per_day / limits.partitions, limits.most * total)

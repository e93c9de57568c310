"""Entities that stop at about the same event time, such as those of one gateway: one absence.

Of a fleet, one entity that stops is an absence of its own. If at least three of those that are
silent for long have sent their last event at about the same time, they are a group with one
absence, until half of them are back. Those that are noticed later join the group. Where half of all
entities stop, it is an absence of the whole task: see `stopped_together`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from operators.detect.gaps import (
    GROUPED,
    LEAST_GAP_NS,
    PATIENCE,
    WAITING,
    is_before,
    judge_again,
    p_of,
    start_of_silence,
)
from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part

GROUPS = 64
"""Groups that are absent at a time: more than that are absent one by one."""
LEAST_MEMBERS = 3
"""Entities that make a group: two may be chance, and are two messages."""

GROUP = np.dtype(
    [
        ("members", "<i4"),
        ("back", "<i4"),
        ("first", "<i8"),
        ("reach", "<i8"),
        ("newest", "<i8"),
        ("when", "<i8"),
        ("offset", "<i8"),
        ("index", "<i4"),
    ]
)
"""Of a group: its entities, and how many of them are back; how far event time had come with the
last event of the entity that was noticed first, and the time after it within which others stop with
it; and the newest event of the group: how far event time had come with it, its time and place."""


@kernel_part
def reach_of(state: Any, limits: Any) -> Any:
    """Return within how many ns of its last event an entity stopped: as long as is not unusual."""
    if limits.after:
        return limits.after - np.int64(limits.after / PATIENCE)
    return np.int64(tail.first_level(state.tail, LEAST_GAP_NS))


@kernel_part
def stopped_with(state: Any, first: int, reach: int, limits: Any) -> bool:
    """Return whether an entity may have stopped when another one did.

    Args:
        state: of the entity.
        first: how far event time had come with the last event of the other.
        reach: ns after it within which the other stopped.
        limits: what a silence is held against.
    """
    return bool(first - reach_of(state, limits) <= state.seen <= first + reach)


@kernel_part
def join_group(state: Any, groups: Any, limits: Any) -> bool:
    """Add an absent entity to the group that it stopped with; return whether there is one."""
    for g in range(len(groups)):
        group = groups[g]
        if group.members > 0 and stopped_with(state, group.first, group.reach, limits):
            group.members += 1
            state.state = GROUPED + g
            return True
    return False


@kernel_part
def form_group(records: Any, waiting: Any, first: int, groups: Any, now: int, limits: Any) -> Any:
    """Make a group of an absent entity and those that stopped with it.

    Args:
        records: of all entities.
        waiting: slots of entities that are silent for long, and whose keys have not ended.
        first: slot of the absent one.
        groups: of the task.
        now: how far event time has come.
        limits: what a silence is held against.

    Returns:
        Its number, -1 if it is none, and the p-value of the rarest silence.
    """
    seen, reach = records[first].seen, reach_of(records[first], limits)
    count, free = 0, -1
    for k in waiting:
        state = records[k]
        count += state.state == WAITING and stopped_with(state, seen, reach, limits)
    for g in range(len(groups)):
        if groups[g].members == 0:
            free = g
            break
    if count < LEAST_MEMBERS or free < 0:
        return -1, 1.0
    rarest, newest = 1.0, first
    for k in waiting:
        state = records[k]
        if state.state == WAITING and stopped_with(state, seen, reach, limits):
            state.state = GROUPED + free
            rarest = min(rarest, p_of(state, now - start_of_silence(state, limits)))
            if is_before(records[newest], state):
                newest = k
    group, last = groups[free], records[newest]
    group.members, group.back, group.first, group.reach = count, 0, seen, reach
    group.newest, group.when = last.seen, last.when
    group.offset, group.index = last.offset, last.index
    return free, rarest


@kernel_part
def is_over(group: Any) -> bool:
    """Return whether half of a group are back."""
    return bool(group.members > 0 and 2 * group.back >= group.members)


@kernel_part
def end_group(records: Any, watch: Any, group: Any, number: int, now: int, limits: Any) -> None:
    """End a group: those that are not back are judged by themselves from now on."""
    group.members, group.back = 0, 0
    judge_again(records, watch, GROUPED + number, now, limits)

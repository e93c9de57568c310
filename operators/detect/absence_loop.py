"""The loop over the events of a task that finds who has stopped sending, and who is back."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Floats, Int32s, Int64s
from operators.detect import event_clock, gaps, natural_ends, stopped_at_once, stopped_together
from operators.detect.event_clock import LEAST_JUMP_NS
from operators.detect.gaps import (
    ABSENT,
    ENDED,
    GROUPED,
    LEAST_GAP_NS,
    NEVER,
    PRESENT,
    TOGETHER_ABSENT,
    WAITING,
    is_before,
    learn_gap,
    look_again,
    observe_lag,
    p_of,
    start_of_silence,
)
from operators.detect.stopped_at_once import end_group, form_group, is_over, join_group
from operators.detect.stopped_together import (
    accepted_ends,
    are_ends,
    are_together,
    end_all,
    end_together,
    join,
)
from operators.kernels import moving_mean, tail
from operators.kernels.kernel_part import kernel_part
from operators.kernels.record_bank import kernel

EACH = 8
"""All entities are looked at once in as many events as an eighth of their number, at most."""
RAISED, RETURNED, ALL_RAISED, ALL_RETURNED, PAUSED = range(5)
GROUP_RAISED, GROUP_RETURNED, MEMBER = range(5, 8)
TASK = -1
"""In the place of the number of a group: all entities of the task."""


@kernel_part
def observe_event(state: Any, watch: Any, groups: Any, now: int, limits: Any) -> bool:
    """Note that an entity has sent; return whether its absence was published."""
    was = state.state
    if not state.known:
        watch.count += 1
        natural_ends.note_start(state, watch, now)
    elif was == TOGETHER_ABSENT:
        watch.back += 1
    elif was >= GROUPED:
        groups[was - GROUPED].back += 1
        watch.returned = 1
    elif not limits.after:
        natural_ends.take_back(state, watch)
        learn_gap(state, now - state.seen)
        look_for_birth(state, watch, now)
    state.known, state.state, state.seen = 1, PRESENT, now
    return was == ABSENT


@kernel_part
def look_for_birth(state: Any, watch: Any, now: int) -> None:
    """Count an entity that began while the others sent."""
    if state.tail.events != natural_ends.NEWBORN_GAPS:
        return
    mean_gap = max(np.float64(state.tail.mean), LEAST_GAP_NS)
    if natural_ends.begins(state, watch, mean_gap):
        natural_ends.note_birth(watch, now)
        # It may replace one of those that stopped together.
        watch.back += watch.members > 0 and not watch.lasting


@kernel_part
def follow_step(records: Any, watch: Any, now: int, time: int, limits: Any) -> bool:
    """Follow a long step of event time; return whether it is a pause of all.

    Events that came before it was believed are from behind it. A pause longer than the limit is
    that of the task, and no silence of each entity.

    Args:
        records: of all entities.
        watch: of the task.
        now: how far event time has come with an event.
        time: event time of this event.
        limits: what a silence is held against.
    """
    is_pause = now - watch.elapsed > limits.after
    for k in range(watch.slots):
        state = records[k]
        if not state.known or state.state > WAITING:
            continue
        sent = now if is_pause else min(now + state.when - time, now)
        if sent > state.seen:
            state.state, state.seen = PRESENT, sent
            look_again(state, watch, limits)
    return is_pause and watch.members == 0


@kernel_part
def row_of(row: int, slot: int, what: int, state: Any, p: float, silence: int, count: int) -> Any:
    """Return the absence of an entity, or of the task."""
    place = np.int64(state.when), np.int64(state.offset), np.int64(state.index)
    return row, slot, what, p, np.int64(silence), np.int64(count), *place


@kernel_part
def raise_together(
    records: Any,
    watch: Any,
    row: int,
    now: int,
    together: int,
    until: int,
    limits: Any,
    found: Any,
) -> None:
    """Note entities that stopped together; publish their absence unless it has been."""
    rarest = join(records, watch, now, limits, until)
    if watch.members == 0:
        p = np.nan if limits.after else rarest
        found.append(row_of(row, 0, ALL_RAISED, watch, p, now - watch.began, TASK))
        for k in range(watch.slots):
            if records[k].known and records[k].state == TOGETHER_ABSENT:
                found.append(row_of(row, k, MEMBER, records[k], 1.0, 0, TASK))
    watch.members += together


@kernel_part
def raise_due(
    records: Any,
    watch: Any,
    groups: Any,
    row: int,
    now: int,
    accepted: float,
    limits: Any,
    found: Any,
) -> bool:
    """Publish the absences that are due, but for natural ends; return whether any has stopped."""
    stopped = False
    waiting = [0 for _ in range(0)]
    due = [0 for _ in range(0)]
    for k in range(watch.slots):
        state = records[k]
        if not state.known or state.state > WAITING:
            continue
        is_due = state.state == WAITING and now >= state.deadline
        stopped |= is_due
        if not is_due:
            watch.next = min(watch.next, state.deadline)
        if state.state != WAITING:
            continue
        if not limits.after and natural_ends.is_natural(state, watch, now, accepted):
            if is_due:
                state.state = ENDED
            continue
        waiting.append(k)
        if is_due:
            due.append(k)
    for _ in range(len(due)):
        # By their places in the source: slots are assigned afresh after a restart.
        first = next_due(records, due)
        if first >= 0 and not join_group(records[first], groups, limits):
            raise_one(records, waiting, first, groups, row, now, limits, found)
    return stopped and not limits.after


@kernel_part
def next_due(records: Any, due: Any) -> int:
    """Return which entity that is due sent its last event first; -1 if none is left."""
    first = -1
    for k in due:
        if records[k].state == WAITING and (first < 0 or is_before(records[k], records[first])):
            first = k
    return first


@kernel_part
def raise_one(
    records: Any,
    waiting: Any,
    first: int,
    groups: Any,
    row: int,
    now: int,
    limits: Any,
    found: Any,
) -> None:
    """Publish the absence of an entity, or of the group that it stopped with."""
    number, rarest = form_group(records, waiting, first, groups, now, limits)
    if number < 0:
        state = records[first]
        state.state = ABSENT
        p = np.nan if limits.after else p_of(state, now - start_of_silence(state, limits))
        found.append(row_of(row, first, RAISED, state, p, now - state.seen, 1))
        return
    group = groups[number]
    p = np.nan if limits.after else rarest
    found.append(row_of(row, first, GROUP_RAISED, group, p, now - group.newest, number))
    for k in waiting:
        if records[k].state == GROUPED + number:
            found.append(row_of(row, k, MEMBER, records[k], 1.0, 0, number))


@kernel_part
def end_groups(
    records: Any, watch: Any, groups: Any, row: int, now: int, limits: Any, found: Any
) -> None:
    """Publish which groups are back."""
    watch.returned = 0
    for number in range(len(groups)):
        group = groups[number]
        if is_over(group):
            silence = now - group.newest
            found.append(row_of(row, 0, GROUP_RETURNED, group, np.nan, silence, number))
            end_group(records, watch, group, number, now, limits)


def _loop(  # pragma: no cover - runs compiled
    records: Any,
    watches: Any,
    groups: Any,
    slots: Int32s,
    times: Int64s,
    offsets: Int64s,
    indices: Int32s,
    elapsed: Int64s,
    progress: Int64s,
    jumps: Int64s,
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
        # A key that began with the end of a pause: those before it have ended.
        if jumps[i] > 0 and not limits.after and state.known and state.born < watch.elapsed:
            found.append(row_of(i, slot, PAUSED, state, np.nan, jumps[i], 0))
        step = now - watch.elapsed
        is_long = limits.after > 0 and step > LEAST_JUMP_NS
        if is_long and follow_step(records, watch, now, times[i], limits):
            found.append(row_of(i, slot, PAUSED, state, np.nan, step, 0))
        watch.elapsed = now
        if observe_event(state, watch, groups, now, limits):
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
        if watch.returned:
            end_groups(records, watch, groups, i, now, limits, found)
        if now < watch.next or watch.waited * EACH < watch.count:
            continue
        watch.waited, watch.next = 0, NEVER
        accepted = accepted_ends(watch, totals[i], limits)
        together, until = are_together(records, watch, now, totals[i], limits)
        if together and are_ends(records, watch, now, together, accepted, limits):
            end_all(records, watch, now)
        elif together:
            raise_together(records, watch, i, now, together, until, limits, found)
        if raise_due(records, watch, groups, i, now, accepted, limits, found):
            natural_ends.count_ends(records, watch, now, ABSENT, ENDED)
    return found


PARTS = (tail, moving_mean, natural_ends, gaps, stopped_together, stopped_at_once, event_clock)

observe = kernel(_loop, PARTS)

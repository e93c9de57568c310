"""The kernels of the order of events: for each entity a list of those that wait, by their time.

Events are in a store in the order in which they came. Lists are linked both ways, and searched
from both ends: most events belong near one of them.
"""

# mypy: allow-untyped-decorators
# numba's decorators carry no types.

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Bools, Int64s
from operators.detect import entity_times
from operators.detect.entity_times import learn_time
from operators.kernels import event_rate, moving_mean
from operators.kernels.kernel_part import kernel_part
from operators.kernels.record_bank import kernel

NONE = -1
RECORD = np.dtype([("waiting", "<i8"), ("head", "<i8"), ("tail", "<i8"), ("gone", "<i8")])
"""Of an entity: how many events wait, the places of the first and the last, the newest time that
has gone on; a time of 0 means that none has."""
TASK = np.dtype([("first", "<i8"), ("waiting", "<i8")])
"""Of the task: no event before this place waits; how many wait."""
LINKS = np.dtype(
    [
        ("time", "<i8"),
        ("due", "<i8"),
        ("previous", "<i8"),
        ("next", "<i8"),
        ("slot", "<i4"),
        ("waits", "u1"),
        ("late", "u1"),
    ]
)
"""Of an event in the store: its time; how far event time has come when it goes on at the latest;
its neighbours in the list of its entity; whether it waits, and whether it is late."""


@kernel_part
def insert(state: Any, links: Any, place: int) -> None:
    """Put an event into the list of its entity, behind those of its time."""
    time = links[place].time
    before = state.tail if state.waiting > 0 else NONE
    after = state.head if state.waiting > 0 else NONE
    if before != NONE:
        # Walk from both ends to where it belongs.
        while links[before].time > time:
            if links[after].time > time:
                before = links[after].previous
                break
            after = links[after].next
            before = links[before].previous
            if before == NONE:
                break
    after = links[before].next if before != NONE else after_of(state)
    links[place].previous, links[place].next = before, after
    if before == NONE:
        state.head = place
    else:
        links[before].next = place
    if after == NONE:
        state.tail = place
    else:
        links[after].previous = place
    state.waiting += 1
    links[place].waits = 1


@kernel_part
def after_of(state: Any) -> int:
    """Return the first event of a list; NONE if it is empty."""
    return state.head if state.waiting > 0 else NONE


@kernel_part
def release(task: Any, state: Any, links: Any, place: int, newest: int) -> None:
    """Take an event out of the list of its entity."""
    link = links[place]
    if link.previous == NONE:
        state.head = link.next
    else:
        links[link.previous].next = link.next
    if link.next == NONE:
        state.tail = link.previous
    else:
        links[link.next].previous = link.previous
    state.waiting -= 1
    task.waiting -= 1
    link.waits = 0
    # One alone in its wrong time makes nothing late.
    if link.time <= newest:
        state.gone = max(state.gone, link.time)


@kernel_part
def release_until(
    task: Any, state: Any, links: Any, time: int, newest: int, out: Any, count: int
) -> Any:
    """Let an entity's events up to a time go on; return how many places `out` has then."""
    while state.waiting > 0 and links[state.head].time <= time:
        place = state.head
        release(task, state, links, place, newest)
        out[count] = place
        count += 1
    return count


@kernel_part
def release_one(
    task: Any, records: Any, table: Any, links: Any, place: int, lateness: int, out: Any, count: int
) -> Any:
    """Let an event go on, behind those of its entity that are earlier.

    Its entity's clock may not believe it yet. Then only those within the lateness before it go on
    with it: they came after it, and a wild clock has none.
    """
    link = links[place]
    slot = link.slot
    state, newest = records[slot], table[slot].newest
    if link.time <= newest:
        return release_until(task, state, links, link.time, newest, out, count)
    first = place
    while links[first].previous != NONE:
        before = links[first].previous
        if links[before].time < link.time - lateness:
            break
        first = before
    while first != NONE:
        following = links[first].next
        release(task, state, links, first, newest)
        out[count] = first
        count += 1
        if first == place:
            break
        first = following
    return count


def _order(  # pragma: no cover - runs compiled
    tasks: Any,
    records: Any,
    links: Any,
    table: Any,
    places: Int64s,
    progress: Int64s,
    clock: int,
    lateness: int,
    most: int,
) -> Any:
    task = tasks[0]
    out = np.empty(task.waiting + len(places), np.int64)
    count, forced = 0, 0
    for i in range(len(places)):
        place, now = places[i], progress[i]
        while task.first < place:
            if links[task.first].waits == 0:
                task.first += 1
            elif links[task.first].due <= now:
                count = release_one(task, records, table, links, task.first, lateness, out, count)
            else:
                break
        link = links[place]
        state, known = records[link.slot], table[link.slot]
        before = known.newest
        learn_time(known, link.time, lateness)
        known.touched = clock + i + 1
        if known.newest < before:
            # Its clock was wrong before: nothing is late.
            state.gone = 0
        if state.gone != 0 and link.time < state.gone:
            link.late = 1
            out[count] = place
            count += 1
            continue
        link.due = now + lateness
        insert(state, links, place)
        task.waiting += 1
        until = known.newest - lateness
        count = release_until(task, state, links, until, known.newest, out, count)
        while task.waiting > most:
            if links[task.first].waits == 0:
                task.first += 1
                continue
            count = release_one(task, records, table, links, task.first, lateness, out, count)
            forced += 1
    return out[:count], forced


def _flush(  # pragma: no cover - runs compiled
    tasks: Any, records: Any, links: Any, table: Any, chosen: Bools, used: int, lateness: int
) -> Int64s:
    task = tasks[0]
    out = np.empty(task.waiting, np.int64)
    count = 0
    for place in range(task.first, used):
        link = links[place]
        if link.waits and chosen[link.slot]:
            count = release_one(task, records, table, links, place, lateness, out, count)
    return out[:count]


def _requeue(  # pragma: no cover - runs compiled
    tasks: Any, records: Any, links: Any, used: int
) -> None:
    task = tasks[0]
    task.first, task.waiting = 0, 0
    for k in range(len(records)):
        if records[k].waiting != 0:
            records[k].waiting = 0
    for place in range(used):
        if links[place].waits:
            insert(records[links[place].slot], links, place)
            task.waiting += 1


order = kernel(_order, (entity_times, event_rate, moving_mean))
flush = kernel(_flush)
requeue = kernel(_requeue)

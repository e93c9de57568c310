"""The progress of event time in a task, robust against single wrong clocks.

A step ahead that is longer than usual is believed once events agree on it: of most of the entities
that usually send within some time, or many events of fewer. Until then, event time does not
advance. Clocks that agree may be wrong as well, such as those of a gateway: where the source stores
a timestamp with each message, a step is believed as far as these have come.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from engine.domain.batch import Int32s, Int64s
from engine.domain.detector import State
from engine.domain.time_units import NS_PER_DAY, NS_PER_HOUR
from operators.kernels.kernel_part import kernel_part
from operators.kernels.record_bank import RecordBank, kernel

LEAST_JUMP_NS = 60_000_000_000.0
"""ns: a shorter step is never a jump."""
JUMP_STEPS = 10.0
"""Size of a jump in mean steps."""
JUMP_STRIDES = 3.0
"""Length of a jump in strides, which are the time between rounds of sensors."""
FORGOTTEN_STRIDES = 100.0
"""Strides without one after which it is forgotten."""
AGREEING_EVENTS = 3
"""Events in a row that must agree on a jump, if they are of most entities, or of the only one."""
MANY_EVENTS = 64
"""Events in a row of fewer entities that must agree; and events of several that lie far behind,
after which event time goes back."""
VOICES = 32
"""Entities of a partition that are counted; more are as many."""
COUNTED, COUNTED_EACH = 2 * MANY_EVENTS, 16 * MANY_EVENTS
"""Entities are counted in the first events of each block: more than one may send in a row."""
LONG_RUN_EVENTS = 10_000
"""Events in a row of one entity that lie far behind where another has carried event time, after
which it goes back: this many are not its backlog. So many in a row that are ahead of their messages
are the new time of all. It is also how long the time is remembered that event time went back
from."""
LEAST_STEP_WEIGHT, CLIP_STEPS, YOUNG_EVENTS = 1 / 1_024, 20.0, 64
SETTLED_TASK_EVENTS = 1_000
"""Events after which a jump is not due to a task that is new."""
PAUSE_STEPS = 3.0
"""A jump is a pause if it is longer than so many times the longest usual step."""
SAME_HOUR_NS, WITHIN_NS, AS_LONG = NS_PER_HOUR, 8 * NS_PER_DAY, 1.5
"""A pause that begins at the hour of the day of the last one, so many ns before at most, is usual
while it is not longer than so many times that one."""

NOBODY = -1
"""Stands for the slot of an entity that is gone."""

RECORD = np.dtype(
    [
        ("now", "<i8"),
        ("progress", "<i8"),
        ("busy", "<i8"),
        ("count", "<i8"),
        ("step", "<f8"),
        ("stride", "<f8"),
        ("jump", "<f8"),
        ("strode", "<i8"),
        ("slot", "<i4"),
        ("run", "<i4"),
        ("apart", "<i8"),
        ("agreed", "<i4"),
        ("voices", "<i4"),
        ("agreeing", "<i4", (VOICES,)),
        ("behind", "u1"),
        ("heard", "<i4"),
        ("hearing", "<i4", (VOICES,)),
        ("usual_voices", "<i4"),
        ("leader", "<i4"),
        ("jumped", "<i8"),
        ("high", "<i8"),
        ("returned", "<i8"),
        ("usual", "<f8"),
        ("paused", "<i8"),
        ("pause", "<f8"),
        ("sure", "<i8"),
        ("lead", "<i8"),
        ("stamped", "<i8"),
    ]
)
"""Event time now, how far it has come, and the same with long steps cut short; events; mean step,
stride, last jump, and when it last strode; the slot that spoke last, and how often in a row; the
time that events apart agree on, how many do, of how many entities, their slots, and whether they
lie behind; how many entities have sent among the events that are counted, their slots, and how many
usually do; the slot that has carried event time to where it is; how far event time had come
with the last jump; where it was when it went back, and after how many events; the longest usual
step; when the last pause began, and how long it was; the latest time that an entity other than the
leader has confirmed; how far event time has been ahead of the timestamps of messages; and the
latest timestamp of the events that agree."""


class Progress(NamedTuple):
    """How far event time has come with each of n events.

    Attributes:
        whole: int64 [n], ns; never less than before.
        busy: int64 [n], the same with unusual steps cut short: a pause of all adds
            next to nothing.
        jumps: int64 [n], the length of the pause of all that an event ends, once the task is known;
            else 0.
    """

    whole: Int64s
    busy: Int64s
    jumps: Int64s

    def take(self, rows: slice) -> Progress:
        """Return that of some of the events."""
        return Progress(self.whole[rows], self.busy[rows], self.jumps[rows])


class EventClock:
    """Event time as the events of one task show it."""

    def __init__(self) -> None:
        self._bank = RecordBank(1, RECORD)

    def observe(self, slots: Int32s, times: Int64s, stamps: Int64s | None = None) -> Progress:
        """Return how far event time has come with each event.

        Args:
            slots: int32 [n], the slot of each event's entity.
            times: int64 [n], event times in ns.
            stamps: int64 [n], timestamps of the messages in ns, the same whenever they are read;
                None if there are none.
        """
        n = len(slots)
        found = Progress(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64))
        _observe(self._bank.records, slots, times, times if stamps is None else stamps, *found)
        return found

    @property
    def busy(self) -> int:
        """How far event time has come so far, with long steps cut short."""
        return int(self._bank.records["busy"][0])

    def dump(self, used: Int32s) -> State:
        """Return the state, with the slots renumbered.

        Args:
            used: the slots in use, in the order in which they are restored.
        """
        state = self._bank.dump(np.zeros(1, np.int32))
        record = np.asarray(state["state"])
        fields = ("slot", "leader", "agreeing", "hearing")
        largest = max(used.max(initial=0), *(record[name].max() for name in fields))
        places = np.full(largest + 1, NOBODY)
        places[used] = np.arange(len(used))
        for name in fields:
            known = record[name] != NOBODY
            record[name] = np.where(known, places[record[name]], NOBODY)
        return {"state": record}

    def load(self, state: State) -> None:
        """Restore a dumped state."""
        self._bank.load(state)


@kernel_part
def _counted(slots: Any, count: int, slot: int) -> int:
    """Return how many entities have spoken, of the first of them, with one more."""
    for k in range(count):
        if slots[k] == slot:
            return count
    if count == len(slots):
        return count
    slots[count] = slot
    return count + 1


@kernel_part
def _hear(clock: Any, slot: int) -> None:
    """Count the entities that usually send within `COUNTED` events."""
    place = clock.count % COUNTED_EACH
    if place < COUNTED:
        clock.heard = _counted(clock.hearing, clock.heard, slot)
        if place == COUNTED - 1:
            # The others have not stopped where a gateway sends for long.
            clock.usual_voices = max(clock.heard, clock.usual_voices - 1)
            clock.heard = 0


@kernel_part
def advance(clock: Any, slot: int, time: int, stamp: int) -> int:
    """Move event time on by an event; return the pause of all that it ends, or 0."""
    _hear(clock, slot)
    clock.count += 1
    clock.run = min(clock.run + 1, 2 * MANY_EVENTS) if slot == clock.slot else 1
    clock.slot = slot
    if clock.count == 1:
        clock.now, clock.leader = time, slot
        clock.lead = max(time - stamp, 0)
        return 0
    ahead = time - clock.now
    limit = max(LEAST_JUMP_NS, JUMP_STEPS * clock.step, JUMP_STRIDES * clock.stride)
    if abs(np.float64(ahead)) <= limit:
        # What carries event time ahead does not speak for it where the others lie behind.
        if slot != clock.leader or not clock.behind:
            clock.agreed = 0
        if ahead > 0:
            clock.leader = slot
            clock.usual = max(clock.usual, np.float64(ahead))
        ahead = max(ahead, 0)
        _step(clock, ahead, min(ahead, _passed_ahead(clock)))
        if slot != clock.leader:
            clock.sure = max(clock.sure, time)
        clock.lead = max(clock.lead, clock.now - stamp)
        return 0
    behind = ahead < 0
    alike = clock.agreed > 0 and behind == clock.behind
    # Where steps are not known yet, all are long: those that follow are as long as the first.
    near = max(limit, abs(np.float64(clock.apart - clock.now)))
    if not (alike and abs(np.float64(time - clock.apart)) <= near):
        clock.agreed, clock.voices = 0, 0
        clock.apart, clock.behind, clock.stamped = time, behind, stamp
    clock.agreed += 1
    clock.voices = _counted(clock.agreeing, clock.voices, slot)
    clock.apart, clock.stamped = max(clock.apart, time), max(clock.stamped, stamp)
    if not _is_agreed(clock, slot):
        return 0
    if not behind:
        return _go_ahead(clock, slot, limit)
    clock.agreed, clock.leader = 0, slot
    clock.high = clock.now + _known_ahead(clock)
    clock.now, clock.returned = clock.apart, clock.count
    clock.lead = max(clock.now - stamp, 0)
    return 0


@kernel_part
def _go_ahead(clock: Any, slot: int, limit: float) -> int:
    """Move event time on to where events agree that it is, as far as messages have come.

    Where all clocks were put ahead, it goes there in the end; but no time has passed with that.
    """
    possible = max(clock.stamped + clock.lead, clock.now)
    beyond = max(clock.apart - possible, 0)
    if np.float64(beyond) <= limit or clock.agreed >= LONG_RUN_EVENTS:
        clock.agreed, clock.leader = 0, slot
        return _jump(clock, clock.apart - clock.now, beyond if beyond > limit else 0)
    ahead = possible - clock.now
    if np.float64(ahead) > limit:
        return _jump(clock, ahead, 0)
    _step(clock, ahead, min(ahead, _passed_ahead(clock)))
    return 0


@kernel_part
def _jump(clock: Any, jump: int, put_ahead: int) -> int:
    """Move event time on by a jump; return its length if it is a pause of all, else 0.

    Clocks were put ahead by a part of it.
    """
    known = min(max(_known_ahead(clock), put_ahead), jump)
    is_pause = known < jump and _is_pause(clock, jump - known)
    _step(clock, jump, known)
    # Pauses that become longer and longer are news each time, and equal ones are not.
    clock.usual = max(clock.usual, min(np.float64(jump), PAUSE_STEPS * clock.usual))
    clock.jumped = clock.progress
    if clock.jump > 0.0 and jump < JUMP_STRIDES * clock.jump:
        clock.stride = max(clock.stride, min(np.float64(jump), clock.jump))
        clock.strode = clock.progress
    clock.jump = jump
    return jump - known if is_pause else 0


@kernel_part
def _known_ahead(clock: Any) -> int:
    """Return how far ahead event time has been lately: it does not come on by that again.

    Where gateways whose clocks are apart send in turn, event time goes back and ahead with them.
    """
    lately = clock.count - clock.returned < LONG_RUN_EVENTS
    return max(clock.high - clock.now, 0) if lately else 0


@kernel_part
def _passed_ahead(clock: Any) -> int:
    """Return how far ahead several entities have been lately: those now send what they gathered.

    Where one entity alone was ahead, its clock was wrong, and event time goes on with the others.
    """
    return min(_known_ahead(clock), max(clock.sure - clock.now, 0))


@kernel_part
def _is_agreed(clock: Any, slot: int) -> bool:
    """Return whether enough events lie apart from event time, at about the same time."""
    alone = clock.run >= min(MANY_EVENTS, clock.count)
    if not clock.behind:
        most = clock.voices >= max(2, clock.usual_voices // 2 + 1)
        return clock.agreed >= (AGREEING_EVENTS if alone or most else MANY_EVENTS)
    if alone:
        return clock.agreed >= (AGREEING_EVENTS if slot == clock.leader else LONG_RUN_EVENTS)
    return clock.voices > 1 and clock.agreed >= MANY_EVENTS


@kernel_part
def _is_pause(clock: Any, jump: int) -> bool:
    """Return whether a jump is a pause of a task that is known, and not the next round of it."""
    if clock.count < SETTLED_TASK_EVENTS or 4 * clock.progress < jump:
        return False
    soon = clock.progress - clock.jumped < JUMP_STRIDES * jump
    if soon and clock.jump > 0.0 and jump < JUMP_STRIDES * clock.jump:
        return False
    if jump <= PAUSE_STEPS * clock.usual:
        return False
    scheduled = _is_scheduled(clock, jump)
    clock.paused, clock.pause = clock.now, np.float64(jump)
    return not scheduled


@kernel_part
def _is_scheduled(clock: Any, jump: int) -> bool:
    """Return whether a pause begins when the last one did, on a later day, and is not longer."""
    apart = clock.now - clock.paused
    if clock.pause == 0.0 or apart > WITHIN_NS or jump > AS_LONG * clock.pause:
        return False
    off = apart % NS_PER_DAY
    return min(off, NS_PER_DAY - off) <= SAME_HOUR_NS


@kernel_part
def _step(clock: Any, ahead: int, known: int) -> None:
    """Move event time ahead; a part of it was known, and is not progress."""
    clock.now += ahead
    clock.progress += ahead - known
    size = np.float64(ahead)
    clock.busy += np.int64(min(size - known, max(LEAST_JUMP_NS, JUMP_STEPS * clock.step)))
    if 2.0 * size >= clock.stride:
        clock.strode = clock.progress
    elif clock.progress - clock.strode > FORGOTTEN_STRIDES * clock.stride:
        clock.stride = 0.0
    if clock.count > YOUNG_EVENTS:
        size = min(size, CLIP_STEPS * max(clock.step, 1.0))
    clock.step += (size - clock.step) * max(LEAST_STEP_WEIGHT, 1.0 / clock.count)


def _loop(  # pragma: no cover - runs compiled
    records: Any,
    slots: Int32s,
    times: Int64s,
    stamps: Int64s,
    whole: Int64s,
    busy: Int64s,
    jumps: Int64s,
) -> None:
    clock = records[0]
    for i in range(len(slots)):
        jumps[i] = advance(clock, slots[i], times[i], stamps[i])
        whole[i], busy[i] = clock.progress, clock.busy


_observe = kernel(_loop)

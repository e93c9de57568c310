"""The times of an entity's events: its newest one, how often it sends, and what is late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.domain.batch import Floats, Int64s
from engine.domain.time_units import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND
from operators.kernels import event_rate, moving_mean
from operators.kernels.event_rate import SMALLEST_GAP_NS, events_per_day, next_mean_gap
from operators.kernels.kernel_part import kernel_part
from operators.kernels.record_bank import kernel

FIRST_GAPS, GAP_CLIP = 8, 20.0
"""Gaps after which a gap is clipped, and the clip in mean gaps: a pause of days does not make
an entity slow, and a lasting change is followed within some hundred events."""
SUMMED_EVENTS = 65_536
"""Events between two sums over all entities, which leave out those that have fallen silent."""
SUM_STEPS = 65_536.0
"""Resolution of summed rates: one event in this number of days."""
SILENT_GAPS = 20.0
"""Silence after which an entity has stopped, in its mean gaps by its share of the events."""
MEMORY_GAPS = 256.0
"""Gaps between two events of an entity that its mean gap rests on."""
LEAST_JUMP_NS, LEAST_JUMP_UNBOUNDED_NS = 60 * NS_PER_SECOND, NS_PER_HOUR
"""ns: a shorter gap is never a jump; if no lateness bounds how much is out of order, an hour."""
JUMP_GAPS = 10.0
"""So many mean gaps at once are a jump: one event alone may have a wrong clock."""
AGREEING_EVENTS = 3
"""Events that must agree on a jump, each later than the one before, to be believed."""

RECORD = np.dtype(
    [
        ("newest", "<i8"),
        ("mean_gap", "<f8"),
        ("count", "<i8"),
        ("touched", "<i8"),
        ("apart", "<i8"),
        ("agreed", "<i4"),
        ("settled", "<i4"),
        ("rate", "<f8"),
    ]
)
"""Of one entity: its newest event time, mean gap, number of events and events per day; when it was
last touched; the time that events apart from the newest agree on, and how many do; how many events
have come near the newest since it last jumped, up to AGREEING_EVENTS."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often an entity sends, as far as it is known.

    Attributes:
        slot: of the entity.
        count: events that came.
        newest: the newest event time, in ns.
        mean_gap: ns between two events; 0 while unknown.
        rate: events per day; None while unknown.
        task_rate: events per day of all entities.
    """

    slot: int
    count: int
    newest: int
    mean_gap: float
    rate: float | None
    task_rate: float


def pace_of(record: Any, slot: int, task_rate: float) -> Pace:
    """Return how often the entity of a record sends."""
    count, gap = int(record["count"]), float(record["mean_gap"])
    rate = NS_PER_DAY / max(gap, SMALLEST_GAP_NS) if count > 1 else None
    return Pace(slot, count, int(record["newest"]), gap, rate, task_rate)


def paces_of(records: Any) -> tuple[Int64s, Floats]:
    """Return the newest event time of the entity of each record, and its events per day."""
    rates = NS_PER_DAY / np.maximum(records["mean_gap"], SMALLEST_GAP_NS)
    return records["newest"], np.where(records["count"] > 1, rates, np.nan)


@kernel_part
def learn_time(state: Any, time: int, lateness: int) -> None:
    """Learn the time of an entity's event: its newest one, and how far events are apart.

    One event with a wrong clock must not move the newest time; several that agree do. Back it moves
    only where nothing has confirmed it yet: else what is old is late.
    """
    gap = time - state.newest
    mean_gap = max(state.mean_gap, SMALLEST_GAP_NS)
    least = LEAST_JUMP_NS if lateness >= 0 else LEAST_JUMP_UNBOUNDED_NS
    jump = max(float(lateness), JUMP_GAPS * mean_gap, least)
    jumps = gap > jump or (-gap > jump and state.settled < AGREEING_EVENTS)
    if state.count == 0:
        state.newest, state.agreed, state.settled = time, 0, 1
    elif not jumps:
        state.agreed = 0
        if gap >= 0:
            state.settled = min(state.settled + 1, AGREEING_EVENTS)
        _learn_gap(state, gap, mean_gap)
        state.newest = max(state.newest, time)
    elif _is_confirmed(state, time, jump):
        state.newest = time
        _learn_gap(state, gap, mean_gap)
    else:
        _learn_gap(state, 0, mean_gap)
    state.count += 1


@kernel_part
def _is_confirmed(state: Any, time: int, jump: float) -> bool:
    """Count an event that is far from the newest; return whether enough agree with it."""
    # Where events are hours apart they agree at their own pace.
    pace = max(jump, abs(float(state.apart - state.newest)))
    near = state.agreed > 0 and 0 < time - state.apart <= pace
    state.agreed = state.agreed + 1 if near else 1
    state.apart = time
    if state.agreed < AGREEING_EVENTS:
        return False
    state.settled, state.agreed = 0, 0
    return True


@kernel_part
def _learn_gap(state: Any, gap: int, mean_gap: float) -> None:
    apart = float(max(gap, 0))
    if state.count > FIRST_GAPS:
        apart = min(apart, GAP_CLIP * mean_gap)
    state.mean_gap = next_mean_gap(state.mean_gap, apart, state.count, MEMORY_GAPS)


def _loop(  # pragma: no cover - runs compiled
    records: Any,
    slots: Any,
    times: Any,
    lateness: int,
    clock: int,
    total: Any,
    rates: Any,
    totals: Any,
    late: Any,
) -> None:
    for i in range(len(slots)):
        state = records[slots[i]]
        gap = times[i] - state.newest
        rates[i] = events_per_day(state.mean_gap) if state.count > 1 else np.nan
        totals[i] = total[0]
        late[i] = state.count > 0 and lateness >= 0 and -gap > lateness
        state.touched = clock + i + 1
        learn_time(state, times[i], lateness)
        if state.count > FIRST_GAPS + 1:
            rate = events_per_day(state.mean_gap)
            total[0] += rate - state.rate
            state.rate = rate
        if (clock + i + 1) % SUMMED_EVENTS == 0:
            total[0] = _rate_of_all(records, clock + i + 1, total[0])


@kernel_part
def _rate_of_all(records: Any, clock: int, total: float) -> float:
    """Return the events per day of all entities that have not fallen silent."""
    found = 0.0
    for k in range(len(records)):
        state = records[k]
        if state.touched == 0:
            # Slots are given in their order: from here on none was ever used.
            break
        if state.rate > 0.0:
            silent = SILENT_GAPS * total / state.rate + SUMMED_EVENTS
            if clock - state.touched > silent:
                state.rate = 0.0
            # In steps whose sum is exact, so that the order of the slots does not matter.
            found += np.floor(state.rate * SUM_STEPS) / SUM_STEPS
    return found


observe = kernel(_loop, (event_rate, moving_mean))

"""Natural ends: keys that end for good, such as those of pods, sessions and batches.

An entity that stops is not an anomaly where keys like it come and go. What a task has seen shows
whether they do: keys that began while it ran, and entities that fell silent and stayed so, by how
long they had sent before. Where no key has begun since the first events, as in a fleet of fixed
sensors, no end is natural.
"""

from __future__ import annotations

from math import log2
from typing import Any

import numpy as np

from engine.domain.time_units import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND
from operators.kernels.kernel_part import kernel_part

NEWBORN_GAPS = 3
"""Gaps of a new key after which it counts as an entity that began."""
FIRST_ROUNDS = 20.0
"""Mean gaps of its own after the first event of the task from which on an entity began later: what
was there before has sent by then."""
LIFETIMES = 16
"""Classes of lifetimes: the first is up to two minutes, each next one twice as long."""
ALIKE_CLASSES = 2
"""Classes above that of an end, four times as long, from which on entities are unlike it."""
KNOWN_ENDS, ODD_SHARE = 10.0, 0.05
"""Ends after which an entity is unlike those that end, if at most this share lived as long."""
HALVED_NS = 14 * NS_PER_DAY
"""ns after which all counts are halved: fleets change."""
REPLACED_NS = NS_PER_HOUR
"""ns in which half of the keys that began are no longer taken to replace one that ends."""
REPLACED = 0.5
"""Keys that began lately, for each that ends, that make its end a replacement."""

FIELDS = [
    ("has_start", "u1"),
    ("start", "<i8"),
    ("births", "<f8"),
    ("ends", "<f8", (LIFETIMES,)),
    ("fresh", "<f8"),
    ("fresh_at", "<i8"),
]
"""Of the task: how far event time had come with its first event; entities that began later, and
those that ended, by their lifetime; those that began lately, as of when."""


@kernel_part
def note_start(state: Any, watch: Any, now: int) -> None:
    """Note the first event of an entity."""
    state.born = now
    if not watch.has_start:
        watch.has_start, watch.start = 1, now


@kernel_part
def begins(state: Any, watch: Any, mean_gap: float) -> bool:
    """Return whether an entity with a few gaps began later than the task."""
    return bool(np.float64(state.born - watch.start) > FIRST_ROUNDS * mean_gap)


@kernel_part
def note_birth(watch: Any, now: int) -> None:
    """Count an entity that began."""
    watch.births += 1.0
    watch.fresh = fresh(watch, now) + 1.0
    watch.fresh_at = now


@kernel_part
def fresh(watch: Any, now: int) -> float:
    """Return how many entities began lately, and have not replaced others."""
    return watch.fresh * 0.5 ** (np.float64(now - watch.fresh_at) / REPLACED_NS)


@kernel_part
def lifetime_class(state: Any) -> int:
    """Return the class of the time from the first to the last event of an entity."""
    minutes = np.float64(state.seen - state.born) / (60 * NS_PER_SECOND)
    return min(max(int(log2(max(minutes, 1.0))), 0), LIFETIMES - 1)


@kernel_part
def count_ends(records: Any, watch: Any, now: int, one: int, other: int) -> None:
    """Count entities that have fallen silent, after all of a look were judged.

    Args:
        records: of the entities.
        watch: of the task.
        now: how far event time has come.
        one, other: states of entities that have fallen silent.
    """
    count = 0
    for k in range(watch.slots):
        state = records[k]
        if state.known and (state.state == one or state.state == other):
            count += count_end(state, watch)
    use_fresh(watch, now, count)
    _halve(watch, now)


@kernel_part
def count_end(state: Any, watch: Any) -> int:
    """Count an entity that has fallen silent, once; return whether it was not counted yet."""
    if state.counted:
        return 0
    state.counted = 1
    watch.ends[lifetime_class(state)] += 1.0
    return 1


@kernel_part
def use_fresh(watch: Any, now: int, count: int) -> None:
    """Let entities that ended be replaced by as many that began lately."""
    watch.fresh = max(fresh(watch, now) - count, 0.0)
    watch.fresh_at = now


@kernel_part
def take_back(state: Any, watch: Any) -> None:
    """Count an entity no longer as one that ended: it has sent again."""
    if state.counted:
        k = lifetime_class(state)
        watch.ends[k] = max(watch.ends[k] - 1.0, 0.0)
        state.counted = 0


@kernel_part
def is_natural(state: Any, watch: Any, now: int, accepted: float) -> bool:
    """Return whether the silence of an entity is the end of its key.

    Args:
        state: of the entity.
        watch: of the task.
        now: how far event time has come.
        accepted: ends a day that are published one by one.
    """
    if watch.births == 0.0 or is_odd(state, watch):
        return False
    if fresh(watch, now) >= REPLACED:
        return True
    # Before any has ended, as many are taken to end as the share of entities that began.
    expected = min(
        watch.births, _alike(state, watch) + min(watch.births / max(watch.count, 1), 1.0)
    )
    days = np.float64(now - watch.start) / NS_PER_DAY
    return expected > accepted * days


@kernel_part
def is_odd(state: Any, watch: Any) -> bool:
    """Return whether an entity has lived much longer than nearly all that ended."""
    ends = watch.ends.sum()
    return bool(ends >= KNOWN_ENDS and _alike(state, watch) <= ODD_SHARE * ends)


@kernel_part
def _alike(state: Any, watch: Any) -> float:
    """Return how many ended that had lived nearly as long as an entity, or longer."""
    return watch.ends[max(lifetime_class(state) - ALIKE_CLASSES, 0) :].sum()


@kernel_part
def _halve(watch: Any, now: int) -> None:
    """Count the past half, as if half the time had passed."""
    while now - watch.start > 2 * HALVED_NS:
        watch.start += HALVED_NS
        watch.births *= 0.5
        watch.ends *= 0.5

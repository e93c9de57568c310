"""The judge: messages held against the faults of a stream, the same for all who send any.

A fault is found if its entity alerts between its start and its end plus the grace of its kind; a
message finds the youngest fault that it can.
Messages after that, within the recovery, are of its end and count neither way; all others are
false. The recovery is as long as the fault, at least one hour and at most a day. An incident is
true if a message of it finds a fault, false if all of its messages are false.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, nan

import numpy as np
from numpy.typing import NDArray

from bench.everyday.message import Message
from bench.everyday.stream import DAY, HOUR, MINUTE, Fault, Stream

GRACE = {
    "spike": 15 * MINUTE,
    "counter_reset": 15 * MINUTE,
    "burst": 30 * MINUTE,
    "calm": 30 * MINUTE,
    "pattern": HOUR,
    "season": HOUR,
}
"""How long after its end a fault may still be found; kinds that are not named: not at all."""
NAMES = {
    "absence": ("absence", "cadence"),
    "season": ("season", "pattern"),
    "pattern": ("pattern", "season"),
}
"""The names by which a fault is rightly called, if it is not its kind alone."""
BEGINS = {"shift": ("spike",)}
"""What the first message may name besides: one value that jumped is a spike until others follow."""
SHORTEST, LONGEST = HOUR, DAY
"""Bounds of the recovery."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one fault.

    Attributes:
        fault: it.
        order: how many faults of its entity were before it.
        found: whether a message reported it.
        delay: minutes from its start to the first message; NaN if not found.
        blamed: whether the first message blames a value at fault; None if it cannot.
        first_kind: whether the first message names its kind, or what it looks like at first.
        any_kind: whether a message within it names its kind.
        strength: the greatest of its messages; NaN if not found.
        messages: how many there are within it.
        chance: how likely it would be found by the false incidents of its stream alone.
    """

    fault: Fault
    order: int
    found: bool
    delay: float = nan
    blamed: bool | None = None
    first_kind: bool = False
    any_kind: bool = False
    strength: float = nan
    messages: int = 0
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was sent of one stream.

    Attributes:
        outcomes: of its faults, by time.
        messages, false_messages: sent, and those of them that are false.
        true_incidents, false_incidents: by the module's definition.
        days, entities: of the stream.
    """

    outcomes: tuple[Outcome, ...]
    messages: int
    false_messages: int
    true_incidents: int
    false_incidents: int
    days: float
    entities: int


def judge(stream: Stream, messages: Sequence[Message]) -> Verdict:
    """Hold messages, in the order of their times, against the faults of a stream."""
    faults: dict[int, list[Fault]] = defaultdict(list)
    for fault in stream.faults:
        faults[fault.entity].append(fault)
    sent: dict[int, list[Message]] = defaultdict(list)
    for message in messages:
        sent[message.entity].append(message)
    kinds: dict[tuple[int, str], set[str]] = defaultdict(set)
    false = 0
    for message in messages:
        place = _place(message, faults[message.entity])
        kinds[message.entity, message.incident].add(place)
        false += place == "false"
    entities = len(np.unique(stream.keys))
    false_incidents = sum(places == {"false"} for places in kinds.values())
    rate = false_incidents / (entities * stream.days)
    outcomes = [
        _outcome(fault, order, _of(fault, own, sent[entity]), len(stream.names), rate)
        for entity, own in faults.items()
        for order, fault in enumerate(own)
    ]
    outcomes.sort(key=lambda outcome: (outcome.fault.start, outcome.fault.entity))
    true_incidents = sum("true" in places for places in kinds.values())
    return Verdict(
        tuple(outcomes),
        len(messages),
        false,
        true_incidents,
        false_incidents,
        stream.days,
        entities,
    )


def excused(stream: Stream) -> NDArray[np.bool_]:
    """Return which events lie within a fault of their entity or its recovery: bool [n]."""
    found = np.zeros(len(stream.keys), np.bool_)
    for fault in stream.faults:
        _, over = _ends(fault)
        within = (stream.times >= fault.start) & (stream.times < over)
        found |= within & (stream.keys == fault.entity)
    return found


def _ends(fault: Fault) -> tuple[int, int]:
    """Return when the time to find a fault is over, and when its recovery is."""
    recovery = min(max(fault.end - fault.start, SHORTEST), LONGEST)
    told_by = fault.end + GRACE.get(fault.kind, 0)
    return told_by, max(told_by, fault.end + recovery)


def _place(message: Message, faults: Sequence[Fault]) -> str:
    """Return "true", "after" or "false"."""
    place = "false"
    for fault in faults:
        told_by, over = _ends(fault)
        if fault.start <= message.time < told_by:
            return "true"
        if fault.start <= message.time < over:
            place = "after"
    return place


def _of(fault: Fault, faults: Sequence[Fault], sent: Sequence[Message]) -> list[Message]:
    """Return the messages that find a fault; each finds only the youngest that it can."""
    later = [other for other in faults if other.start > fault.start]
    told_by, _ = _ends(fault)
    return [
        message
        for message in sent
        if fault.start <= message.time < told_by
        and not any(other.start <= message.time < _ends(other)[0] for other in later)
    ]


def _outcome(fault: Fault, order: int, own: Sequence[Message], d: int, rate: float) -> Outcome:
    told_by, _ = _ends(fault)
    chance = 1 - exp(-rate * (told_by - fault.start) / DAY)
    if not own:
        return Outcome(fault, order, False, chance=chance)
    first, names = own[0], {*NAMES.get(fault.kind, (fault.kind,)), *fault.also}
    return Outcome(
        fault,
        order,
        True,
        (first.time - fault.start) / MINUTE,
        first.blamed in fault.values if fault.values and len(fault.values) < d else None,
        first.kind in {*names, *BEGINS.get(fault.kind, ())},
        any(message.kind in names for message in own),
        max(message.strength for message in own),
        len(own),
        chance,
    )

"""Absence: an entity that has stopped sending."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AbsenceRule:
    """When an entity is absent.

    Attributes:
        after: ns of event time without an event; None: learned from the gaps of the entity.
    """

    after: int | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """An entity that has stopped sending, or sends again; or several that stopped together.

    Attributes:
        row: the event at which event time showed it, in its batch.
        entity: its key, of several that of the one that stopped last; empty if so many stopped that
            the absence is of the whole task.
        is_over: whether it sends again.
        p_value: how rare its silence is; NaN with a fixed limit.
        silence: ns without an event.
        since: event time of its last event, ns since 1970.
        partition, offset, index: where its last event is; the newest of the task where that
            is silent.
        again: whether it lasts longer than the silence that muted it.
        entities: how many have stopped; 0 if all paused and went on together.
        members: keys of those that have stopped together, the one that stopped last first.
    """

    row: int
    entity: str
    is_over: bool
    p_value: float
    silence: int
    since: int
    partition: int
    offset: int
    index: int | None = None
    entities: int = 1
    again: bool = False
    members: tuple[str, ...] = ()

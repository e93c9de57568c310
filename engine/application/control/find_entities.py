"""Find entities that had anomalies: by the beginning of their keys, or the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.domain.control.lane import STEPS, Lane
from engine.domain.control.spans import FIRST, LAST, Stretch, begin_of, stretches

HOUR, DAY = STEPS[1:]


@dataclass(frozen=True, slots=True)
class EntityFilter:
    """Which entities are meant.

    Attributes:
        pipeline: whose.
        prefix: how their keys begin.
        since: with anomalies of event times from here on, to the hour, in ns; None for any.
    """

    pipeline: str
    prefix: str = ""
    since: int | None = None


def find_entities(
    work: UnitOfWork, caller: Caller, wanted: EntityFilter, behind: str, limit: int
) -> tuple[Sequence[Lane], str | None]:
    """Return a page of entities by key, and the key behind which the next one begins.

    Raises:
        ForbiddenError: the caller may not.
    """
    require(caller, Action.READ, wanted.pipeline)
    during = _since(wanted.since)
    found = work.lanes.entities(wanted.pipeline, wanted.prefix, during, behind, limit + 1)
    return found[:limit], found[limit - 1].entity if len(found) > limit else None


def find_worst_entities(
    work: UnitOfWork, caller: Caller, pipeline: str, since: int | None, limit: int
) -> Sequence[Lane]:
    """Return entities by severity and number of their anomalies, the worst first.

    Raises:
        ForbiddenError: the caller may not.
    """
    require(caller, Action.READ, pipeline)
    return work.lanes.worst(pipeline, _since(since), limit)


def _since(time: int | None) -> list[Stretch]:
    if time is None:
        return stretches(FIRST, LAST, [DAY])
    return stretches(begin_of(time, HOUR), LAST, [HOUR, DAY])

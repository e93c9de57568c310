"""Finds entities with anomalies: by a prefix of their keys, or the worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.domain.control.lane import STEPS, Lane
from engine.domain.control.spans import FIRST, LAST, Stretch, begin_of, stretches

HOUR, DAY = STEPS[1:]


@dataclass(frozen=True, slots=True)
class EntityFilter:
    """A filter of entities.

    Attributes:
        pipeline: the name of the pipeline.
        prefix: a prefix of their keys.
        since: entities with anomalies from this event time on, to the hour, in ns; None: all.
    """

    pipeline: str
    prefix: str = ""
    since: int | None = None


def find_entities(
    work: UnitOfWork, caller: Caller, wanted: EntityFilter, behind: str, limit: int
) -> tuple[Sequence[Lane], str | None]:
    """Return a page of entities by key, and the key after which the next page begins.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require(caller, Action.READ, wanted.pipeline)
    during = _since(wanted.since)
    found = work.lanes.entities(wanted.pipeline, wanted.prefix, during, behind, limit + 1)
    following = found[limit - 1].entity if len(found) > limit else None
    return _to_the_hour(work, wanted.pipeline, found[:limit]), following


def find_worst_entities(
    work: UnitOfWork, caller: Caller, pipeline: str, since: int | None, limit: int
) -> Sequence[Lane]:
    """Return entities by severity and number of their anomalies, the worst first.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require(caller, Action.READ, pipeline)
    return _to_the_hour(work, pipeline, work.lanes.worst(pipeline, _since(since), limit))


def _to_the_hour(work: UnitOfWork, pipeline: str, lanes: Sequence[Lane]) -> list[Lane]:
    """Return lanes whose last is an hour: sums of days have the day."""
    days: dict[int, list[str]] = {}
    for lane in lanes:
        if lane.last == begin_of(lane.last, DAY):
            days.setdefault(lane.last, []).append(lane.entity)
    hours: dict[str, int] = {}
    for day, entities in days.items():
        hours |= work.lanes.latest(pipeline, entities, HOUR, day, min(day + DAY, LAST))
    return [replace(lane, last=hours.get(lane.entity, lane.last)) for lane in lanes]


def _since(time: int | None) -> list[Stretch]:
    if time is None:
        return stretches(FIRST, LAST, [DAY])
    return stretches(begin_of(time, HOUR), LAST, [HOUR, DAY])

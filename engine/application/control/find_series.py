"""An entity's values over time, and the entities closest to alerting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import InvalidRequestError
from engine.domain.control.series import COARSE, FINE, Bucket
from engine.domain.control.spans import begin_of, widened

MOST_SPANS = 5_000
LONGEST = 2**62
"""Differences of times that the databases are asked to compute; 64 bits hold no longer ones."""


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """The series to return.

    Attributes:
        pipeline, entity: the entity and its pipeline.
        since, until: event times in ns; the first is rounded down to a multiple of the step.
        step: the length of a span in ns, a multiple of a minute.
    """

    pipeline: str
    entity: str
    since: int
    until: int
    step: int


def find_series(work: UnitOfWork, caller: Caller, wanted: SeriesRequest) -> Sequence[Bucket]:
    """Return the buckets of all values of an entity, by value and time.

    Raises:
        ForbiddenError: the caller lacks permission.
        InvalidRequestError: the step is not a multiple of a minute, or there are too many
            spans.
    """
    require(caller, Action.READ, wanted.pipeline)
    if wanted.step % FINE:
        raise InvalidRequestError("query/step", "expected a multiple of 60 s")
    since = begin_of(wanted.since, wanted.step)
    if not 0 < (wanted.until - since) // wanted.step <= MOST_SPANS:
        raise InvalidRequestError(
            "query", f"expected from 1 to {MOST_SPANS} spans: another step, since or until"
        )
    base = FINE if wanted.step % COARSE else COARSE
    asked = wanted.pipeline, wanted.entity, base, since, wanted.until
    if wanted.step > base and since % wanted.step == 0 and wanted.until - since <= LONGEST:
        # The store joins ten thousand buckets in a fraction of what it takes to read them.
        return work.series.widened(*asked, wanted.step)
    return widened(work.series.find(*asked), wanted.step)


def find_nearest(
    work: UnitOfWork, caller: Caller, pipeline: str, since: int, limit: int
) -> Sequence[tuple[str, float]]:
    """Return entities and the rarity of their rarest event since a time, the rarest first.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require(caller, Action.READ, pipeline)
    return work.series.rarest(pipeline, FINE, begin_of(since, FINE), limit)

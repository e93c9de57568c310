"""The lanes of the worst entities: their anomalies by span of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import InvalidRequestError
from engine.domain.control.lane import STEPS, Lane, LaneCell, stored_step
from engine.domain.control.spans import begin_of, stretches, widened

MOST_CELLS = 100_000


@dataclass(frozen=True, slots=True)
class LaneRequest:
    """The lanes to return.

    Attributes:
        pipeline: the name of the pipeline.
        since, until: event times in ns; the first is rounded down to a multiple of the step.
        step: the length of a span in ns.
        limit: the number of entities.
    """

    pipeline: str
    since: int
    until: int
    step: int
    limit: int


@dataclass(frozen=True, slots=True)
class Lanes:
    """Lanes, the worst entity first.

    Attributes:
        since: the begin of the first span.
        lanes: the totals of each entity.
        cells: the spans of each entity that have anomalies, in order.
    """

    since: int
    lanes: Sequence[Lane]
    cells: Mapping[str, Sequence[LaneCell]]


def find_lanes(work: UnitOfWork, caller: Caller, wanted: LaneRequest) -> Lanes:
    """Return the anomalies of the worst entities by span of time.

    Raises:
        ForbiddenError: the caller lacks permission.
        InvalidRequestError: the step is not a multiple of five minutes, or there are too many
            lanes.
    """
    require(caller, Action.READ, wanted.pipeline)
    base = stored_step(wanted.step)
    if base is None:
        raise InvalidRequestError("query/step", "expected a multiple of 300 s")
    since = begin_of(wanted.since, wanted.step)
    spans = (wanted.until - since) // wanted.step
    if not 0 < spans * wanted.limit <= MOST_CELLS:
        raise InvalidRequestError(
            "query", f"expected from 1 to {MOST_CELLS} cells: another span, step or limit"
        )
    # The last span may end behind the time.
    until = begin_of(wanted.until + base - 1, base)
    during = stretches(since, until, [step for step in STEPS if step >= base])
    lanes = work.lanes.worst(wanted.pipeline, during, wanted.limit)
    names = [one.entity for one in lanes]
    found: dict[str, list[LaneCell]] = {name: [] for name in names}
    stored = work.lanes.cells(wanted.pipeline, names, base, since, wanted.until)
    # They are sums of the longest stored step; those of a longer one have to be added up.
    for cell in stored if base == wanted.step else widened(stored, wanted.step):
        found[cell.entity].append(cell)
    # The sums of days in the middle of the time know the day alone.
    last = {cell.entity: cell.begin for cell in stored}
    lanes = [replace(one, last=last.get(one.entity, one.last)) for one in lanes]
    return Lanes(since, lanes, found)

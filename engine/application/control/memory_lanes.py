"""Lanes in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from engine.domain.control.lane import Lane, LaneCell
from engine.domain.control.spans import Stretch, joined


class MemoryLanes:
    """The repository of lanes.

    Args:
        content: changed in place.
    """

    def __init__(self, content: list[LaneCell]) -> None:
        self._all = content

    def add(self, cells: Sequence[LaneCell]) -> None:
        """Join cells with those that are stored; given in the order of their keys."""
        self._all[:] = joined([*self._all, *cells])

    def entities(
        self, pipeline: str, prefix: str, during: Sequence[Stretch], behind: str, limit: int
    ) -> list[Lane]:
        """Return entities by a prefix of their keys, in order, after a key."""
        cells = [
            one
            for one in self._during(pipeline, during)
            if one.entity > behind and one.entity.startswith(prefix)
        ]
        return sorted(_lanes(cells), key=lambda lane: lane.entity)[:limit]

    def worst(self, pipeline: str, during: Sequence[Stretch], limit: int) -> list[Lane]:
        """Return the entities of the greatest worth, the worst first."""
        lanes = _lanes(self._during(pipeline, during))
        lanes.sort(key=lambda lane: lane.entity)
        return sorted(lanes, key=lambda lane: lane.worth, reverse=True)[:limit]

    def cells(
        self, pipeline: str, entities: Collection[str], step: int, since: int, until: int
    ) -> list[LaneCell]:
        """Return the cells of entities that begin in a span of time, in the order of their keys."""
        chosen = self._chosen(pipeline, step, since, until)
        return [one for one in chosen if one.entity in entities]

    def latest(
        self, pipeline: str, entities: Collection[str], step: int, since: int, until: int
    ) -> dict[str, int]:
        """Return where the last cell of each entity begins, of those in a span of time."""
        cells = self.cells(pipeline, entities, step, since, until)
        return {one.entity: one.last for one in _lanes(cells)}

    def prune(self, before: int, at_most: int) -> int:
        """Remove earlier spans, up to a limit; return their number."""
        old = {one.key for one in self._all if one.begin + one.step <= before}
        gone = set(sorted(old)[:at_most])
        self._all[:] = [one for one in self._all if one.key not in gone]
        return len(gone)

    def _during(self, pipeline: str, during: Sequence[Stretch]) -> list[LaneCell]:
        return [
            cell
            for one in during
            for cell in self._chosen(pipeline, one.step, one.since, one.until)
        ]

    def _chosen(self, pipeline: str, step: int, since: int, until: int) -> list[LaneCell]:
        return [
            one
            for one in self._all
            if (one.pipeline, one.step) == (pipeline, step) and since <= one.begin < until
        ]


def _lanes(cells: Iterable[LaneCell]) -> list[Lane]:
    found: dict[str, LaneCell] = {}
    last: dict[str, int] = {}
    for cell in cells:
        known = found.get(cell.entity)
        found[cell.entity] = cell if known is None else known.joined(cell)
        last[cell.entity] = max(cell.begin, last.get(cell.entity, cell.begin))
    return [
        Lane(one.entity, one.count, one.p_value, one.severity, last[one.entity])
        for one in found.values()
    ]

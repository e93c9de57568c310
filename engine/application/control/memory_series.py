"""Series in memory."""

from __future__ import annotations

from collections.abc import Sequence

from engine.domain.control.series import EVENTS, Bucket
from engine.domain.control.spans import joined, widened


class MemorySeries:
    """The repository of series.

    Args:
        content: changed in place.
    """

    def __init__(self, content: list[Bucket]) -> None:
        self._all = content

    def add(self, buckets: Sequence[Bucket]) -> None:
        """Join buckets with those that are stored; given in the order of their keys."""
        self._all[:] = joined([*self._all, *buckets])

    def find(self, pipeline: str, entity: str, step: int, since: int, until: int) -> list[Bucket]:
        """Return the buckets of an entity that begin in a span of time, by value and time."""
        return [
            one
            for one in self._all
            if (one.pipeline, one.entity, one.step) == (pipeline, entity, step)
            and since <= one.begin < until
        ]

    def widened(
        self, pipeline: str, entity: str, step: int, since: int, until: int, into: int
    ) -> list[Bucket]:
        """Return them joined to buckets of a longer step, of which `since` is a multiple."""
        return widened(self.find(pipeline, entity, step, since, until), into)

    def rarest(self, pipeline: str, step: int, since: int, limit: int) -> list[tuple[str, float]]:
        """Return entities and the greatest rarity of their events since a time, it first."""
        found: dict[str, float] = {}
        for one in self._all:
            meant = (one.pipeline, one.step, one.value) == (pipeline, step, EVENTS)
            if meant and one.begin >= since:
                found[one.entity] = max(one.rarity, found.get(one.entity, 0.0))
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]

    def prune(self, step: int, before: int, at_most: int) -> int:
        """Remove earlier spans of a step, up to a limit; return their number."""
        old = [one.key for one in self._all if one.step == step and one.begin + step <= before]
        gone = set(old[:at_most])
        self._all[:] = [one for one in self._all if one.key not in gone]
        return len(gone)

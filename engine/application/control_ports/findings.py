"""The ports of what was found: anomalies, incidents, series and lanes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from engine.domain.control.incident import Comment, Incident
from engine.domain.control.lane import Lane, LaneCell
from engine.domain.control.listed_incident import ListedIncident
from engine.domain.control.page import AnomalyFilter, IncidentFilter, Page, Position
from engine.domain.control.series import Bucket
from engine.domain.control.spans import Stretch
from engine.domain.control.stored_anomaly import StoredAnomaly


class AnomalyRepository(Protocol):
    """The anomalies."""

    def add(self, anomalies: Sequence[StoredAnomaly]) -> Collection[str]:
        """Store those whose ids are new; return these ids."""
        ...

    def get(self, anomaly_id: str) -> StoredAnomaly | None:
        """Return the anomaly of an id."""
        ...

    def find(
        self, wanted: AnomalyFilter, behind: Position | None, limit: int
    ) -> Page[StoredAnomaly]:
        """Return a page of them by event time and id, the newest first."""
        ...

    def documents(self, wanted: AnomalyFilter, behind: Position | None, limit: int) -> Page[str]:
        """Return a page as `find` does, of what was published alone, as JSON."""
        ...

    def prune(self, before: int, at_most: int) -> int:
        """Remove anomalies of earlier event times, up to a limit; return their number."""
        ...


class IncidentRepository(Protocol):
    """The incidents, and the comments on them."""

    def get(self, ids: Collection[str]) -> dict[str, Incident]:
        """Return those of these ids; within a writing unit of work nobody else changes them."""
        ...

    def add(self, incidents: Sequence[Incident]) -> Collection[str]:
        """Store those whose ids are new; return these ids."""
        ...

    def save(self, incidents: Sequence[Incident]) -> None:
        """Store changed ones.

        Raises:
            StaleError: the stored one is not of the revision before.
        """
        ...

    def find(self, wanted: IncidentFilter, behind: Position | None, limit: int) -> Page[Incident]:
        """Return a page of them by the time they began and id, the newest first."""
        ...

    def listed(
        self, wanted: IncidentFilter, behind: Position | None, limit: int
    ) -> Page[ListedIncident]:
        """Return a page as `find` does, for those who show it alone."""
        ...

    def add_comment(self, comment: Comment) -> None:
        """Store a comment."""
        ...

    def comments(self, incident_id: str) -> list[Comment]:
        """Return the comments on an incident, the oldest first."""
        ...

    def prune(self, before: int, at_most: int) -> int:
        """Remove those whose latest anomaly is older, with their comments; return how many."""
        ...


class SeriesRepository(Protocol):
    """Scored values, downsampled to buckets of time."""

    def add(self, buckets: Sequence[Bucket]) -> None:
        """Join buckets with those that are stored; given in the order of their keys."""
        ...

    def find(self, pipeline: str, entity: str, step: int, since: int, until: int) -> list[Bucket]:
        """Return the buckets of an entity that begin in a span of time, by value and time."""
        ...

    def widened(
        self, pipeline: str, entity: str, step: int, since: int, until: int, into: int
    ) -> list[Bucket]:
        """Return them joined to buckets of a longer step, of which `since` is a multiple."""
        ...

    def rarest(self, pipeline: str, step: int, since: int, limit: int) -> list[tuple[str, float]]:
        """Return entities and the greatest rarity of their events since a time, it first."""
        ...

    def prune(self, step: int, before: int, at_most: int) -> int:
        """Remove earlier spans of a step, up to a limit; return their number."""
        ...


class LaneRepository(Protocol):
    """Anomalies summed up by entity and span of time."""

    def add(self, cells: Sequence[LaneCell]) -> None:
        """Join cells with those that are stored; given in the order of their keys."""
        ...

    def entities(
        self, pipeline: str, prefix: str, during: Sequence[Stretch], behind: str, limit: int
    ) -> list[Lane]:
        """Return entities by a prefix of their keys, in order, after a key."""
        ...

    def worst(self, pipeline: str, during: Sequence[Stretch], limit: int) -> list[Lane]:
        """Return the entities of the greatest worth, the worst first."""
        ...

    def cells(
        self, pipeline: str, entities: Collection[str], step: int, since: int, until: int
    ) -> list[LaneCell]:
        """Return the cells of entities that begin in a span of time, in the order of their keys."""
        ...

    def latest(
        self, pipeline: str, entities: Collection[str], step: int, since: int, until: int
    ) -> dict[str, int]:
        """Return where the last cell of each entity begins, of those in a span of time."""
        ...

    def prune(self, before: int, at_most: int) -> int:
        """Remove earlier spans, up to a limit; return their number."""
        ...

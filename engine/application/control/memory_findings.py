"""The anomalies and incidents of the store in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import orjson

from engine.domain.control.errors import StaleError
from engine.domain.control.incident import Comment, Facts, Incident
from engine.domain.control.listed_incident import ListedIncident, listed
from engine.domain.control.page import AnomalyFilter, IncidentFilter, Page, Position
from engine.domain.control.stored_anomaly import StoredAnomaly

T = TypeVar("T")


def _page(
    items: Iterable[T],
    where: Callable[[T], Position],
    wanted: Mapping[str, Any],
    field_of: Callable[[T, str], object],
    behind: Position | None,
    limit: int,
) -> Page[T]:
    """Return a page of the items that have the wanted fields, the newest first."""
    same = {name: value for name, value in wanted.items() if value is not None}
    since, until = same.pop("since", -(2**63)), same.pop("until", 2**63)
    fitting = [
        item
        for item in items
        if since <= where(item).time < until
        and all(field_of(item, name) == value for name, value in same.items())
        and (behind is None or _key(where(item)) < _key(behind))
    ]
    fitting.sort(key=lambda item: _key(where(item)), reverse=True)
    shown = fitting[:limit]
    return Page(shown, where(shown[-1]) if len(fitting) > limit else None)


def _key(position: Position) -> tuple[int, str]:
    return position.time, position.id


class MemoryAnomalies:
    """The anomalies."""

    def __init__(self, kept: dict[str, StoredAnomaly]) -> None:
        self._all = kept

    def add(self, anomalies: Sequence[StoredAnomaly]) -> Collection[str]:
        """Store those whose ids are new; return these ids."""
        new = {one.id: one for one in anomalies if one.id not in self._all}
        self._all.update(new)
        return new.keys()

    def get(self, anomaly_id: str) -> StoredAnomaly | None:
        """Return the anomaly of an id."""
        return self._all.get(anomaly_id)

    def find(
        self, wanted: AnomalyFilter, behind: Position | None, limit: int
    ) -> Page[StoredAnomaly]:
        """Return a page of them by event time and id, the newest first."""
        return _page(
            self._all.values(),
            lambda one: Position(one.time, one.id),
            asdict(wanted),
            getattr,
            behind,
            limit,
        )

    def documents(self, wanted: AnomalyFilter, behind: Position | None, limit: int) -> Page[str]:
        """Return a page as `find` does, of what was published alone, as JSON."""
        found = self.find(wanted, behind, limit)
        return Page([orjson.dumps(one.document).decode() for one in found.items], found.next)

    def prune(self, before: int, at_most: int) -> int:
        """Remove anomalies of earlier event times, up to a limit; return their number."""
        old = [one.id for one in self._all.values() if one.time < before][:at_most]
        for one in old:
            del self._all[one]
        return len(old)


class MemoryIncidents:
    """The incidents, and the comments on them."""

    def __init__(self, kept: dict[str, Incident], comments: list[Comment]) -> None:
        self._all = kept
        self._comments = comments

    def get(self, ids: Collection[str]) -> dict[str, Incident]:
        """Return those of these ids; within a writing unit of work nobody else changes them."""
        return {one: self._all[one] for one in ids if one in self._all}

    def add(self, incidents: Sequence[Incident]) -> Collection[str]:
        """Store those whose ids are new; return these ids."""
        new = {one.id: one for one in incidents if one.id not in self._all}
        self._all.update(new)
        return new.keys()

    def save(self, incidents: Sequence[Incident]) -> None:
        """Store changed ones.

        Raises:
            StaleError: the stored one is not of the revision before.
        """
        for one in incidents:
            if self._all[one.id].revision != one.revision - 1:
                raise StaleError("the incident was changed since you read it: read it again")
            self._all[one.id] = one

    def find(self, wanted: IncidentFilter, behind: Position | None, limit: int) -> Page[Incident]:
        """Return a page of them by the time they began and id, the newest first."""
        fields = asdict(wanted)
        is_collapsed = fields.pop("is_collapsed")
        if not is_collapsed:
            return self._find(self._all.values(), fields, behind, limit)
        all_of_them = self._find(self._all.values(), fields, None, len(self._all))
        # The newest come first, so the first of a story is the one that remains.
        first = {one.facts.story or one.id: one for one in all_of_them.items}
        return self._find(first.values(), fields, behind, limit)

    def listed(
        self, wanted: IncidentFilter, behind: Position | None, limit: int
    ) -> Page[ListedIncident]:
        """Return a page as `find` does, for those who show it alone."""
        found = self.find(wanted, behind, limit)
        return Page(list(map(listed, found.items)), found.next)

    def _find(
        self,
        incidents: Iterable[Incident],
        fields: Mapping[str, Any],
        behind: Position | None,
        limit: int,
    ) -> Page[Incident]:
        return _page(
            incidents,
            lambda one: Position(one.facts.began, one.id),
            fields,
            lambda one, name: getattr(one.facts if name in Facts.__slots__ else one, name),
            behind,
            limit,
        )

    def add_comment(self, comment: Comment) -> None:
        """Store a comment."""
        self._comments.append(comment)

    def comments(self, incident_id: str) -> list[Comment]:
        """Return the comments on an incident, the oldest first."""
        found = [one for one in self._comments if one.incident == incident_id]
        return sorted(found, key=lambda one: (one.time, one.id))

    def prune(self, before: int, at_most: int) -> int:
        """Remove those whose latest anomaly is older, with their comments; return how many."""
        old = [one.id for one in self._all.values() if one.facts.last < before][:at_most]
        for gone in old:
            del self._all[gone]
        self._comments[:] = [one for one in self._comments if one.incident not in old]
        return len(old)

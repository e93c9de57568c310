"""The book of incidents: the events of each incident as it opens, changes and closes."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from engine.domain.anomaly import Anomaly
from engine.domain.incident import IncidentEvent
from operators.alert import incidents
from operators.alert.open_incident import OpenIncident
from operators.alert.stories import Stories

NEVER = 2**63 - 1
HELD = NEVER - 1
"""Time at which an incident closes that is held open."""


class IncidentBook:
    """The open incidents of one task, at most one for each entity.

    Args:
        forget: called with entity and id of each incident that closes.
        group_by: index of the key's part by which incidents form stories; None for no stories.
    """

    def __init__(self, forget: Callable[[str, str], None], group_by: int | None = None) -> None:
        self._forget = forget
        self._open: dict[str, OpenIncident] = {}
        self._next = NEVER
        self._stories = Stories(group_by)
        self._closed_early: set[str] = set()

    def advance(self, progress: int) -> list[IncidentEvent]:
        """Close incidents without an anomaly for long, in the order in which they close.

        Args:
            progress: ns by which event time has advanced.
        """
        if progress < self._next:
            return []
        over = [(one.closes, key) for key, one in self._open.items() if one.closes < progress]
        found = [self._close(key) for _, key in sorted(over)]
        self._next = self._next_close()
        return found

    def hold(self, entity: str, draws: int) -> None:
        """Keep the incident of an entity open, whatever event time says, until `release`.

        Args:
            entity: its key.
            draws: progress of event time up to which incidents of others join its story: one that
                is gone must not be the root of all that comes later.
        """
        incident = self._open[entity]
        incident.closes, incident.draws = HELD, max(incident.draws, draws)

    def release(self, entity: str, progress: int, when: int) -> list[IncidentEvent]:
        """Let an incident close that was held; at once if it consists of absences alone.

        Args:
            entity: its key.
            progress: ns by which event time has advanced.
            when: event time.
        """
        incident = self._open.get(entity)
        if incident is None or incident.closes != HELD:
            return []
        if incident.is_absence_only:
            incident.limit = max(when - incident.event.last, 0)
            return [self._close(entity)]
        incident.closes = progress + incident.limit
        self._next = min(self._next, incident.closes + 1)
        return []

    def record(
        self, anomaly: Anomaly, detector: str, progress: int, limit: int
    ) -> list[IncidentEvent]:
        """Add an anomaly to the incident it names; return what is to be published.

        Args:
            anomaly: the newest one of its entity.
            detector: the one that gives it the most weight.
            progress: ns by which event time has advanced.
            limit: ns without a further anomaly after which the incident closes.
        """
        found: list[IncidentEvent] = []
        incident = self._open.get(anomaly.entity)
        if incident is not None and incident.event.id != anomaly.incident:
            found.append(self._close(anomaly.entity))
            incident = None
        if incident is None:
            incident = OpenIncident.begin(anomaly, progress + limit, limit)
            self._stories.open(incident.event, self._drawing(progress))
            is_news = True
        else:
            is_news = incident.extend(anomaly)
            self._stories.rise(incident.event)
        incident.closes, incident.limit = max(incident.closes, progress + limit), limit
        incident.weigh(anomaly, detector)
        # The incident that was continued last is the last.
        self._open.pop(anomaly.entity, None)
        self._open[anomaly.entity] = incident
        self._next = min(self._next, incident.closes + 1)
        if is_news or anomaly.incident in self._closed_early:
            self._closed_early.discard(anomaly.incident)
            found.append(incident.publish(self._stories.of(incident.event)))
        if len(self._open) > incidents.MOST_INCIDENTS:
            found.append(self._close(next(iter(self._open))))
        return found

    def quiet(self, waited: float) -> list[IncidentEvent]:
        """Return the closings of incidents whose source has been silent for long.

        They are the ones that event time will bring if it goes on. The incidents themselves stay
        open, so that the wall clock changes no result.

        Args:
            waited: ns by the wall clock without any event.
        """
        over = [
            incident
            for incident in self._open.values()
            if incident.limit <= waited
            and incident.closes != HELD
            and incident.event.id not in self._closed_early
        ]
        self._closed_early |= {incident.event.id for incident in over}
        return [self._closing(incident) for incident in over]

    def dump(self) -> bytes:
        """Return the open incidents as JSON."""
        entries = {key: incident.dump() for key, incident in self._open.items()}
        return orjson.dumps({"open": entries, "stories": self._stories.dump()})

    def load(self, stored: bytes) -> None:
        """Restore what `dump` returned."""
        document = orjson.loads(stored)
        self._open = {key: OpenIncident.load(one) for key, one in document["open"].items()}
        self._stories.load(document["stories"], [one.event for one in self._open.values()])
        self._next = self._next_close()

    def _drawing(self, progress: int) -> set[str]:
        """Return the ids of incidents whose stories others still join."""
        return {
            one.event.id
            for one in self._open.values()
            if progress <= (one.draws if one.closes == HELD else one.closes)
        }

    def _next_close(self) -> int:
        return min((incident.closes + 1 for incident in self._open.values()), default=NEVER)

    def _closing(self, incident: OpenIncident) -> IncidentEvent:
        return incident.closing(self._stories.of(incident.event))

    def _close(self, key: str) -> IncidentEvent:
        incident = self._open.pop(key)
        closed = self._closing(incident)
        self._closed_early.discard(closed.id)
        self._stories.close(incident.event)
        self._forget(key, closed.id)
        return closed

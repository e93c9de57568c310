"""Incidents: anomalies of one entity that belong together, and which of them are messages."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import orjson

from engine.domain.alert_policy import Severity

CLOSED_GAPS = 20.0
"""Quiet time that closes an incident, in usual gaps between the events of its entity."""
RETURNED_GAPS = 1.5
"""Usual gaps between two flagged events that imply an ordinary one between them."""
LONG_GAPS = 60.0
"""Usual gaps after which an incident that goes on is one grade more severe."""
MOST_INCIDENTS = 1_000
"""Open incidents of one task; beyond, the one that was not continued for longest is closed."""
GRADES = tuple(Severity)


@dataclass(slots=True)
class Incident:
    """An open incident.

    Attributes:
        first: id of its first anomaly.
        began, last: event times of its first and its latest anomaly, ns since 1970.
        grade: the highest that was sent, as a number.
        kinds: kinds that were sent.
    """

    first: str
    began: int
    last: int
    grade: int
    kinds: list[str]


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an anomaly in its incident.

    Attributes:
        incident: id of the first anomaly.
        duration: ns since that one.
        severity: of the anomaly, raised where the incident lasts.
        is_news: whether it begins the incident, is more severe or of another kind than all before,
            or a spike that returns.
    """

    incident: str
    duration: int
    severity: Severity
    is_news: bool


class Incidents:
    """The open incidents of one task.

    Args:
        gap: ns of event time without an anomaly that end an incident, at least.
    """

    def __init__(self, gap: int) -> None:
        self._gap = gap
        self._open: dict[str, Incident] = {}

    def place(
        self, entity: str, when: int, own_id: str, severity: Severity, kind: str, usual_gap: float
    ) -> Place:
        """Return the place of an anomaly, and note it.

        Closed by number and not by a clock: entities may lie hours apart. What comes late belongs
        to the open incident.

        Args:
            entity: its key.
            when: its event time, ns since 1970.
            own_id: its id.
            severity: by its p-value alone.
            kind: of anomaly.
            usual_gap: ns between two events of the entity; 0 while it is not known.
        """
        found = self._open.pop(entity, None)
        if found is None or when - found.last > self.limit(usual_gap):
            found = Incident(own_id, when, when, -1, [])
        grade = GRADES.index(severity)
        lasts = usual_gap > 0.0 and when - found.began >= LONG_GAPS * usual_gap
        grade = min(grade + lasts, len(GRADES) - 1)
        # A large error adds nothing to what is known to be more than a spike.
        spikes = found.kinds in ([], ["spike"])
        returned = when - found.last > RETURNED_GAPS * usual_gap > 0.0
        was_published = not spikes or (found.kinds == ["spike"] and not returned)
        is_news = grade > found.grade or (
            not was_published if kind == "spike" else kind not in found.kinds
        )
        if is_news:
            found.grade = max(grade, found.grade)
            found.kinds = sorted({*found.kinds, kind})
        found.last = max(found.last, when)
        self._open[entity] = found
        if len(self._open) > MOST_INCIDENTS:
            del self._open[next(iter(self._open))]
        return Place(found.first, max(when - found.began, 0), GRADES[grade], is_news)

    def limit(self, usual_gap: float) -> int:
        """Return the ns without an anomaly that close an incident.

        Args:
            usual_gap: ns between two events of the entity; 0 while it is not known.
        """
        return int(max(self._gap, CLOSED_GAPS * usual_gap))

    def close(self, entity: str, incident: str) -> None:
        """Forget an incident of an entity, unless it has another one by now.

        Args:
            entity: its key.
            incident: id of the first anomaly.
        """
        found = self._open.get(entity)
        if found is not None and found.first == incident:
            del self._open[entity]

    def dump(self) -> bytes:
        """Return the open incidents as JSON."""
        return orjson.dumps({entity: astuple(one) for entity, one in self._open.items()})

    def load(self, stored: bytes) -> None:
        """Restore what `dump` returned."""
        self._open = {entity: Incident(*one) for entity, one in orjson.loads(stored).items()}

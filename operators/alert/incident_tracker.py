"""The incidents of one task: places anomalies in them, and collects their events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.domain.anomaly import Anomaly
from engine.domain.batch import ScoredBatch
from engine.domain.detector import State
from engine.domain.incident import IncidentEvent
from engine.domain.pipeline import Pipeline
from engine.domain.summary import lasting
from operators.alert.finding import Finding
from operators.alert.incident_book import IncidentBook
from operators.alert.incidents import Incidents


class IncidentTracker:
    """The open incidents of one task, and their events that are not published yet.

    Attributes:
        progress: ns by which event time has advanced; 0 before the first event.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.progress = 0
        self._gap = pipeline.incident_gap
        self._publishes = pipeline.incident_events
        self._incidents = Incidents(pipeline.incident_gap)
        self._book = IncidentBook(self._incidents.close, pipeline.group_by)
        self._events: list[IncidentEvent] = []

    def advance(self, batch: ScoredBatch, row: int) -> int:
        """Close the incidents that are over at an event; return the progress of event time."""
        column = batch.events.times if batch.progress is None else batch.progress
        progress = self.progress = int(column[row])
        self._events += self._book.advance(progress)
        return progress

    def place(self, anomaly: Anomaly, detector: str, progress: int, usual_gap: float) -> Finding:
        """Add an anomaly to its incident, or begin one; return it with its place.

        Args:
            anomaly: the newest one of its entity.
            detector: the one that gives it the most weight.
            progress: ns by which event time has advanced.
            usual_gap: ns between the events of its entity.
        """
        own = anomaly.id, anomaly.severity, anomaly.kind, usual_gap
        place = self._incidents.place(anomaly.entity, anomaly.time, *own)
        summary = lasting(anomaly.summary, place.duration)
        placed = replace(anomaly, severity=place.severity, incident=place.incident, summary=summary)
        limit = self._incidents.limit(usual_gap)
        self._events += self._book.record(placed, detector, progress, limit)
        return Finding(placed, detector, place.is_news)

    def hold(self, entity: str, progress: int) -> None:
        """Keep the incident of an entity open, whatever event time says, until `release`."""
        self._book.hold(entity, progress + self._gap)

    def release(self, entity: str, progress: int, when: int) -> None:
        """Let an incident close that was held; see `IncidentBook.release`."""
        self._events += self._book.release(entity, progress, when)

    def quiet(self, seconds: float) -> None:
        """Close incidents for consumers after some seconds without any event."""
        self._events += self._book.quiet(seconds * 1e9)

    def take_events(self) -> list[list[IncidentEvent]]:
        """Return the events since the last call as one list; none if nobody reads them."""
        events, self._events = self._events, []
        return [events] if events and self._publishes else []

    def dump(self) -> State:
        """Return its parts of the step's state."""
        return {
            "incidents": self._incidents.dump(),
            "book": self._book.dump(),
            "progress": np.array([self.progress], np.int64),
        }

    def load(self, parts: State) -> None:
        """Restore what `dump` returned."""
        self._incidents.load(bytes(parts["incidents"]))
        # Absent in the state of earlier releases.
        if "book" in parts:
            self._book.load(bytes(parts["book"]))
        if "progress" in parts:
            self.progress = int(np.asarray(parts["progress"])[0])

"""An open incident: its newest event, and what has changed since the last published one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.domain.alert_policy import Severity
from engine.domain.anomaly import Anomaly, Origin
from engine.domain.incident import Change, IncidentEvent, Peak, Story
from engine.domain.kinds import ABSENCE
from operators.alert.incidents import GRADES

ANOMALIES_TO_FADE = 10
"""Less severe anomalies in a row after which an incident becomes one grade less severe."""
SCORE_RISE = 0.1
"""A peak is published again if its score is higher by this much: ten times as rare."""
FIRST_COUNT = 8
"""The count is published at this number of anomalies, and each time that it has doubled."""
STORED_EVENT = "told"
"""Name of the newest event in snapshots."""


@dataclass(slots=True)
class OpenIncident:
    """An open incident.

    Attributes:
        event: its newest event, published or not.
        closes: progress of event time at which it closes.
        limit: ns without an anomaly after which it closes.
        draws: progress of event time up to which others join its story, if it is held open.
        lower: number of the latest anomalies in a row that were less severe than the incident.
        score: of the peak that was published last.
        due: number of anomalies at which the count is published.
        kinds, detectors, values: weight of each in the incident.
    """

    event: IncidentEvent
    closes: int
    limit: int
    draws: int = 0
    lower: int = 0
    score: float = 0.0
    due: int = FIRST_COUNT
    kinds: dict[str, float] = field(default_factory=dict)
    detectors: dict[str, float] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    @classmethod
    def begin(cls, anomaly: Anomaly, closes: int, limit: int) -> OpenIncident:
        """Return the incident that an anomaly begins."""
        event = IncidentEvent(
            id=anomaly.incident,
            change=Change.OPEN,
            number=-1,
            entity=anomaly.entity,
            time=anomaly.time,
            began=anomaly.time,
            last=anomaly.time,
            severity=anomaly.severity,
            peak=_peak(anomaly),
            count=1,
            kinds=(),
            values=(),
            detectors=(),
            first_origin=anomaly.origin,
            last_origin=anomaly.origin,
            story=None,
            pipeline=anomaly.pipeline,
            pipeline_version=anomaly.pipeline_version,
        )
        return cls(event, closes, limit, score=anomaly.score)

    @property
    def is_absence_only(self) -> bool:
        """Whether all of its anomalies are absences."""
        return self.kinds.keys() <= {ABSENCE}

    def extend(self, anomaly: Anomaly) -> bool:
        """Add one more anomaly; return whether it is worth an event."""
        before = self.event
        severity = self._severity_with(anomaly.severity)
        peak = before.peak
        if (anomaly.score, -anomaly.p_value) > (peak.score, -peak.p_value):
            peak = _peak(anomaly)
        self.event = replace(
            before,
            change=Change.UPDATE,
            time=anomaly.time,
            last=max(before.last, anomaly.time),
            severity=severity,
            peak=peak,
            count=before.count + 1,
            last_origin=anomaly.origin,
        )
        changed = severity is not before.severity or anomaly.kind not in self.kinds
        return changed or peak.score >= self.score + SCORE_RISE or self.event.count >= self.due

    def weigh(self, anomaly: Anomaly, detector: str) -> None:
        """Add the kind, the detector and the values of an anomaly to those of the incident."""
        self.kinds[anomaly.kind] = self.kinds.get(anomaly.kind, 0.0) + 1
        self.detectors[detector] = self.detectors.get(detector, 0.0) + 1
        for part in anomaly.values:
            self.values[part.name] = self.values.get(part.name, 0.0) + part.contribution

    def publish(self, story: Story | None) -> IncidentEvent:
        """Return the newest event with its number; what comes later is compared with it."""
        if self.event.count >= self.due:
            self.due = 2 * self.event.count
        self.score = self.event.peak.score
        self.event = replace(self.event, number=self.event.number + 1)
        return self._complete(story)

    def closing(self, story: Story | None) -> IncidentEvent:
        """Return the event that closes the incident."""
        event = self._complete(story)
        over = event.last + self.limit
        return replace(event, change=Change.CLOSE, number=event.number + 1, time=over)

    def dump(self) -> dict[str, Any]:
        """Return it as plain data."""
        stored = asdict(self)
        return {STORED_EVENT: stored.pop("event"), **stored}

    @classmethod
    def load(cls, stored: dict[str, Any]) -> OpenIncident:
        """Restore what `dump` returned."""
        rest = {name: part for name, part in stored.items() if name != STORED_EVENT}
        return cls(_event(stored[STORED_EVENT]), **rest)

    def _complete(self, story: Story | None) -> IncidentEvent:
        return replace(
            self.event,
            kinds=tuple(name for name, _ in _shares(self.kinds)),
            values=tuple(_shares(self.values)),
            detectors=tuple(_shares(self.detectors)),
            story=story,
        )

    def _severity_with(self, newest: Severity) -> Severity:
        """Return the severity with one more anomaly: it rises at once, and falls late."""
        now = self.event.severity
        if GRADES.index(newest) >= GRADES.index(now):
            self.lower = 0
            return newest
        self.lower += 1
        if self.lower < ANOMALIES_TO_FADE:
            return now
        self.lower = 0
        return GRADES[GRADES.index(now) - 1]


def _peak(anomaly: Anomaly) -> Peak:
    return Peak(
        anomaly.id,
        anomaly.time,
        anomaly.score,
        anomaly.p_value,
        anomaly.severity,
        anomaly.summary,
    )


def _shares(parts: dict[str, float]) -> Iterator[tuple[str, float]]:
    """Yield names and their shares, the largest first."""
    total = sum(parts.values()) or 1.0
    for name, part in sorted(parts.items(), key=lambda item: (-item[1], item[0])):
        yield name, part / total


def _event(stored: dict[str, Any]) -> IncidentEvent:
    peak = stored["peak"]
    parts = stored | {
        "change": Change(stored["change"]),
        "severity": Severity(stored["severity"]),
        "peak": Peak(**peak | {"severity": Severity(peak["severity"])}),
        "first_origin": Origin(**stored["first_origin"]),
        "last_origin": Origin(**stored["last_origin"]),
        "kinds": (),
        "values": (),
        "detectors": (),
    }
    return IncidentEvent(**parts)

"""The book of incidents: the events of each incident as it opens, changes and closes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from engine.domain.alert_policy import Severity
from engine.domain.anomaly import Anomaly, Origin
from engine.domain.incident import Change, IncidentEvent, Peak
from engine.domain.kinds import ABSENCE
from operators.alert import incidents
from operators.alert.incidents import GRADES
from operators.alert.stories import Stories

FADED = 10
"""Anomalies in a row, each less severe than the incident, after which it is a grade less severe."""
RARER = 0.1
"""A peak is news again when its score is so much higher: ten times as rare."""
FIRST_COUNT = 8
"""The count is news at this number of anomalies, and each time that it has doubled."""
NEVER = 2**63 - 1
HELD = NEVER - 1
"""Stands for when an incident closes that is held open."""


@dataclass(slots=True)
class Entry:
    """An open incident: its newest event, and what has come since the last published one.

    Attributes:
        told: its newest event, published or not.
        closes: progress of event time at which it closes.
        limit: ns without an anomaly that close it.
        lower: anomalies in a row that were less severe than it.
        score: of the peak that was published last.
        due: number of anomalies at which the count is published.
        kinds, detectors, values: how much each has of it.
    """

    told: IncidentEvent
    closes: int
    limit: int
    lower: int = 0
    score: float = 0.0
    due: int = FIRST_COUNT
    kinds: dict[str, float] = field(default_factory=dict)
    detectors: dict[str, float] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)


class IncidentBook:
    """The open incidents of one task, one an entity.

    Args:
        forget: called with entity and id of each incident that closes.
        group_by: number of the key's part by which incidents form stories; None for none.
    """

    def __init__(self, forget: Callable[[str, str], None], group_by: int | None = None) -> None:
        self._forget = forget
        self._open: dict[str, Entry] = {}
        self._next = NEVER
        self._stories = Stories(group_by)
        self._closed_early: set[str] = set()

    def advance(self, progress: int) -> list[IncidentEvent]:
        """Close what has seen no anomaly for long, in the order in which it closes.

        Args:
            progress: ns that event time has come on.
        """
        if progress < self._next:
            return []
        over = [(entry.closes, key) for key, entry in self._open.items() if entry.closes < progress]
        found = [self._close(key) for _, key in sorted(over)]
        self._next = min((entry.closes + 1 for entry in self._open.values()), default=NEVER)
        return found

    def hold(self, entity: str) -> None:
        """Keep the incident of an entity open, whatever event time says, until `release`."""
        self._open[entity].closes = HELD

    def release(self, entity: str, progress: int, when: int) -> list[IncidentEvent]:
        """Let an incident close that was held; at once where there was nothing else to it.

        Args:
            entity: its key.
            progress: ns that event time has come on.
            when: event time.
        """
        entry = self._open.get(entity)
        if entry is None or entry.closes != HELD:
            return []
        if entry.kinds.keys() <= {ABSENCE}:
            entry.limit = max(when - entry.told.last, 0)
            return [self._close(entity)]
        entry.closes = progress + entry.limit
        self._next = min(self._next, entry.closes + 1)
        return []

    def record(
        self, anomaly: Anomaly, detector: str, progress: int, limit: int
    ) -> list[IncidentEvent]:
        """Add an anomaly to the incident it names; return what is to be published.

        Args:
            anomaly: the newest one of its entity.
            detector: that claims most.
            progress: ns that event time has come on.
            limit: ns without a further one after which the incident closes.
        """
        found: list[IncidentEvent] = []
        entry = self._open.get(anomaly.entity)
        if entry is not None and entry.told.id != anomaly.incident:
            found.append(self._close(anomaly.entity))
            entry = None
        if entry is None:
            entry = self._begin(anomaly, progress + limit, limit)
            is_news = True
        else:
            is_news = self._continue(entry, anomaly)
        entry.closes, entry.limit = max(entry.closes, progress + limit), limit
        _blame(entry, anomaly, detector)
        # The last is the one that was continued last.
        self._open.pop(anomaly.entity, None)
        self._open[anomaly.entity] = entry
        self._next = min(self._next, entry.closes + 1)
        if is_news or anomaly.incident in self._closed_early:
            found.append(self._tell(entry))
        if len(self._open) > incidents.MOST_INCIDENTS:
            found.append(self._close(next(iter(self._open))))
        return found

    def quiet(self, waited: float) -> list[IncidentEvent]:
        """Return the closings of incidents whose source has been silent for long.

        They are what event time will say, if it goes on. The incidents themselves stay open, so
        that the clock on the wall changes no result.

        Args:
            waited: ns by the wall clock without any event.
        """
        over = [
            entry
            for entry in self._open.values()
            if entry.limit <= waited
            and entry.closes != HELD
            and entry.told.id not in self._closed_early
        ]
        self._closed_early |= {entry.told.id for entry in over}
        return [self._closing(entry) for entry in over]

    def dump(self) -> bytes:
        """Return the open incidents as JSON."""
        entries = {key: asdict(entry) for key, entry in self._open.items()}
        return orjson.dumps({"open": entries, "stories": self._stories.dump()})

    def load(self, stored: bytes) -> None:
        """Restore what `dump` returned."""
        document = orjson.loads(stored)
        self._open = {key: _entry(entry) for key, entry in document["open"].items()}
        self._stories.load(document["stories"])
        self._next = min((entry.closes + 1 for entry in self._open.values()), default=NEVER)

    def _begin(self, anomaly: Anomaly, closes: int, limit: int) -> Entry:
        opened = IncidentEvent(
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
        self._stories.open(opened)
        return Entry(opened, closes, limit, score=anomaly.score)

    def _continue(self, entry: Entry, anomaly: Anomaly) -> bool:
        """Add one more anomaly; return whether it is worth an event."""
        before = entry.told
        severity = _severity(entry, anomaly.severity)
        peak = before.peak
        if (anomaly.score, -anomaly.p_value) > (peak.score, -peak.p_value):
            peak = _peak(anomaly)
        entry.told = replace(
            before,
            change=Change.UPDATE,
            time=anomaly.time,
            last=max(before.last, anomaly.time),
            severity=severity,
            peak=peak,
            count=before.count + 1,
            last_origin=anomaly.origin,
        )
        self._stories.rise(entry.told)
        changed = severity is not before.severity or anomaly.kind not in entry.kinds
        return changed or peak.score >= entry.score + RARER or entry.told.count >= entry.due

    def _tell(self, entry: Entry) -> IncidentEvent:
        told = entry.told
        if told.count >= entry.due:
            entry.due = 2 * told.count
        entry.score = told.peak.score
        self._closed_early.discard(told.id)
        entry.told = replace(told, number=told.number + 1)
        return self._whole(entry)

    def _whole(self, entry: Entry) -> IncidentEvent:
        return replace(
            entry.told,
            kinds=tuple(name for name, _ in _shares(entry.kinds)),
            values=tuple(_shares(entry.values)),
            detectors=tuple(_shares(entry.detectors)),
            story=self._stories.of(entry.told),
        )

    def _closing(self, entry: Entry) -> IncidentEvent:
        told = self._whole(entry)
        over = told.last + entry.limit
        return replace(told, change=Change.CLOSE, number=told.number + 1, time=over)

    def _close(self, key: str) -> IncidentEvent:
        entry = self._open.pop(key)
        closed = self._closing(entry)
        self._closed_early.discard(closed.id)
        self._stories.close(entry.told)
        self._forget(key, closed.id)
        return closed


def _peak(anomaly: Anomaly) -> Peak:
    return Peak(
        anomaly.id,
        anomaly.time,
        anomaly.score,
        anomaly.p_value,
        anomaly.severity,
        anomaly.summary,
    )


def _severity(entry: Entry, newest: Severity) -> Severity:
    """Return how severe an incident is with one more anomaly: it rises at once, and falls late."""
    now = entry.told.severity
    if GRADES.index(newest) >= GRADES.index(now):
        entry.lower = 0
        return newest
    entry.lower += 1
    if entry.lower < FADED:
        return now
    entry.lower = 0
    return GRADES[GRADES.index(now) - 1]


def _blame(entry: Entry, anomaly: Anomaly, detector: str) -> None:
    entry.kinds[anomaly.kind] = entry.kinds.get(anomaly.kind, 0.0) + 1
    entry.detectors[detector] = entry.detectors.get(detector, 0.0) + 1
    for part in anomaly.values:
        entry.values[part.name] = entry.values.get(part.name, 0.0) + part.contribution


def _shares(parts: dict[str, float]) -> Iterator[tuple[str, float]]:
    """Yield names and their shares, the largest first."""
    total = sum(parts.values()) or 1.0
    for name, part in sorted(parts.items(), key=lambda item: (-item[1], item[0])):
        yield name, part / total


def _entry(stored: dict[str, Any]) -> Entry:
    told = stored["told"]
    peak = told["peak"]
    told |= {
        "change": Change(told["change"]),
        "severity": Severity(told["severity"]),
        "peak": Peak(**peak | {"severity": Severity(peak["severity"])}),
        "first_origin": Origin(**told["first_origin"]),
        "last_origin": Origin(**told["last_origin"]),
        "kinds": (),
        "values": (),
        "detectors": (),
    }
    return Entry(**stored | {"told": IncidentEvent(**told)})

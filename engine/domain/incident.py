"""The incident: anomalies of one entity that belong together, as its life is published."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from engine.domain.alert_policy import Severity
from engine.domain.anomaly import Origin

SCHEMA_VERSION = 1


class Change(StrEnum):
    """What happened to an incident."""

    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Peak:
    """The strongest anomaly of an incident."""

    anomaly: str
    time: int
    score: float
    p_value: float
    severity: Severity
    summary: str


@dataclass(frozen=True, slots=True)
class Story:
    """Incidents of several entities of a group that overlap in time.

    Attributes:
        id: of the story: that of its first incident, or of an outage of a topic.
        group: what its entities have in common.
        root: id of the incident that opened first.
        root_entity: its entity.
        strongest: id of the incident with the rarest anomaly so far.
        incidents: how many there are so far.
    """

    id: str
    group: str
    root: str
    root_entity: str
    strongest: str
    incidents: int


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """An incident as it is after a change.

    Attributes:
        id: of the incident: that of its first anomaly.
        change: what happened.
        number: of the change, from 0; a closing has the last.
        entity: its key.
        time: event time of the change, ns since 1970.
        began, last: event times of its first and its latest anomaly.
        severity: now; it rises as the incident lasts, and falls as it fades.
        peak: its strongest anomaly.
        count: anomalies so far, also those that were not messages.
        kinds: of its anomalies, the most frequent first.
        values: the values to blame with their shares, the largest first; they sum to 1.
        detectors: the detectors that claimed most with their shares; they sum to 1.
        first_origin, last_origin: origins of its first and its latest anomaly in the source.
        story: of its group, or of an outage of its topic; None if it has none.
        pipeline, pipeline_version: that found it.
    """

    id: str
    change: Change
    number: int
    entity: str
    time: int
    began: int
    last: int
    severity: Severity
    peak: Peak
    count: int
    kinds: tuple[str, ...]
    values: tuple[tuple[str, float], ...]
    detectors: tuple[tuple[str, float], ...]
    first_origin: Origin
    last_origin: Origin
    story: Story | None
    pipeline: str
    pipeline_version: str

    @property
    def event_id(self) -> str:
        """Id of the change: 32 hex digits, the same when it is published again."""
        text = f"{self.id}\0{self.number}\0{self.change}"
        return blake2b(text.encode(), digest_size=16).hexdigest()

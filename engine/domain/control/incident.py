"""The incident as people handle it: what its pipeline reported, and their decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from engine.domain.alert_policy import Severity
from engine.domain.control.errors import ConflictError
from engine.domain.control.published import (
    Document,
    UnreadableRecordError,
    id_of,
    integer_of,
    severity_of,
    text_of,
)
from engine.domain.control.stored_anomaly import StoredAnomaly
from engine.domain.control.story import story_of


class Status(StrEnum):
    """What people made of an incident; a pipeline never changes it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the pipeline says of an incident.

    Attributes:
        pipeline, entity: whose it is.
        began, last: event times of its first and latest anomaly, ns since 1970.
        severity: now.
        count: anomalies so far.
        summary: sentence of its strongest anomaly.
        closed: whether the pipeline has closed it.
        document: the newest record of the sink `incidents`; None while only anomalies have come.
        changed: event time of that record, or of the latest anomaly.
        story: id of the story that it belongs to, as that record says; None: to none.
    """

    pipeline: str
    entity: str
    began: int
    last: int
    severity: Severity
    count: int
    summary: str
    closed: bool
    changed: int
    document: Document | None
    story: str | None = None

    @property
    def order(self) -> tuple[bool, bool, int, int]:
        """Sorts what came of one incident: records before anomalies alone, a closing last."""
        return self.document is not None, self.closed, self.count, self.changed


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident.

    Attributes:
        id: of its first anomaly.
        facts: what its pipeline says.
        status: what people made of it.
        assignee: name of the user who looks after it.
        revision: counts the changes of all this, from 1.
    """

    id: str
    facts: Facts
    status: Status = Status.OPEN
    assignee: str | None = None
    revision: int = 1

    def with_facts(self, facts: Facts) -> Incident:
        """Return it with newer facts of its pipeline; older ones are ignored."""
        if facts.order <= self.facts.order:
            return self
        return replace(self, facts=facts, revision=self.revision + 1)

    def with_anomaly(self, anomaly: StoredAnomaly) -> Incident:
        """Return it with one more anomaly, unless records of the incident itself have come."""
        old = self.facts
        if old.document is not None:
            return self
        stronger = list(Severity).index(anomaly.severity) > list(Severity).index(old.severity)
        facts = replace(
            old,
            began=min(old.began, anomaly.time),
            last=max(old.last, anomaly.time),
            changed=max(old.changed, anomaly.time),
            count=old.count + 1,
            severity=anomaly.severity if stronger else old.severity,
            summary=anomaly.summary if stronger else old.summary,
        )
        return replace(self, facts=facts, revision=self.revision + 1)

    def acknowledged(self, by: str) -> Incident:
        """Return it acknowledged, and assigned to the caller unless it has an assignee.

        Raises:
            ConflictError: it is not open.
        """
        self._require("acknowledge", Status.OPEN)
        return self._changed(status=Status.ACKNOWLEDGED, assignee=self.assignee or by)

    def resolved(self) -> Incident:
        """Return it resolved.

        Raises:
            ConflictError: it is resolved or suppressed.
        """
        self._require("resolve", Status.OPEN, Status.ACKNOWLEDGED)
        return self._changed(status=Status.RESOLVED)

    def suppressed(self) -> Incident:
        """Return it suppressed: nobody need look at it.

        Raises:
            ConflictError: it is resolved or suppressed.
        """
        self._require("suppress", Status.OPEN, Status.ACKNOWLEDGED)
        return self._changed(status=Status.SUPPRESSED)

    def reopened(self) -> Incident:
        """Return it open again.

        Raises:
            ConflictError: it is not resolved or suppressed.
        """
        self._require("reopen", Status.RESOLVED, Status.SUPPRESSED)
        return self._changed(status=Status.OPEN)

    def assigned(self, to: str | None) -> Incident:
        """Return it with another assignee, or with none."""
        return self._changed(assignee=to)

    def _require(self, what: str, *statuses: Status) -> None:
        if self.status not in statuses:
            needed = " or ".join(statuses)
            raise ConflictError(
                f"the incident is {self.status}: only one that is {needed} can be changed by "
                f'"{what}"'
            )

    def _changed(self, **fields: object) -> Incident:
        return replace(self, revision=self.revision + 1, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an incident.

    Attributes:
        id: of the comment.
        incident: id of the incident.
        author: name of the user.
        time: ns since 1970.
        text: what they wrote.
    """

    id: str
    incident: str
    author: str
    time: int
    text: str


def incident_facts(document: Document) -> tuple[str, Facts]:
    """Return the id and the facts in a record of the sink `incidents`.

    Raises:
        UnreadableRecordError: it is none; the message names the field.
    """
    peak = document.get("peak")
    if not isinstance(peak, dict):
        raise UnreadableRecordError("peak: expected an object")
    story = story_of(document)
    state = text_of(document, "state")
    if state not in ("open", "closed"):
        raise UnreadableRecordError("state: expected open or closed")
    facts = Facts(
        pipeline=text_of(document, "pipeline"),
        entity=text_of(document, "entity"),
        began=integer_of(document, "began_ns"),
        last=integer_of(document, "last_ns"),
        severity=severity_of(document),
        count=integer_of(document, "count"),
        summary=text_of(peak, "summary"),
        closed=state == "closed",
        changed=integer_of(document, "time_ns"),
        document=document,
        story=None if story is None else story.id,
    )
    return id_of(document), facts


def incident_of_anomaly(anomaly: StoredAnomaly) -> Incident:
    """Return the incident that an anomaly is the first known one of."""
    facts = Facts(
        pipeline=anomaly.pipeline,
        entity=anomaly.entity,
        began=anomaly.time,
        last=anomaly.time,
        severity=anomaly.severity,
        count=1,
        summary=anomaly.summary,
        closed=False,
        changed=anomaly.time,
        document=None,
    )
    return Incident(anomaly.incident, facts)

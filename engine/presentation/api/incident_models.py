"""Incidents and their comments as the API shows them, and what it takes to change or list them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Query
from pydantic import AfterValidator, BaseModel, Field

from engine.domain.alert_policy import Severity
from engine.domain.control.audit import AuditRecord
from engine.domain.control.incident import Comment, Incident, Status
from engine.domain.control.listed_incident import ListedIncident, listed
from engine.domain.control.page import IncidentFilter
from engine.presentation.api.bodies import Body, QueryFields, Reason
from engine.presentation.api.exports import Export, ExportFormat
from engine.presentation.api.parquet import ColumnType
from engine.presentation.api.requests import (
    Cursor,
    Limit,
    Since,
    Text,
    Until,
    Wanted,
    as_json,
    bounds_of,
)
from engine.presentation.api.times import time_of

COLUMNS = {
    "id": ColumnType.TEXT,
    "pipeline": ColumnType.TEXT,
    "entity": ColumnType.TEXT,
    "began": ColumnType.TIME,
    "last": ColumnType.TIME,
    "severity": ColumnType.TEXT,
    "count": ColumnType.INTEGER,
    "summary": ColumnType.TEXT,
    "state": ColumnType.TEXT,
    "status": ColumnType.TEXT,
    "assignee": ColumnType.TEXT,
    "story": ColumnType.TEXT,
}


class IncidentOut(BaseModel):
    """An incident: the facts from its pipeline, and its handling."""

    id: str
    pipeline: str
    entity: str
    began: datetime
    began_ns: int
    last: datetime
    last_ns: int
    severity: Severity
    count: int
    """Anomalies so far."""
    summary: str
    """Summary of its strongest anomaly."""
    state: str
    """State in the pipeline: open or closed."""
    status: Status
    """Status that users have set."""
    assignee: str | None
    revision: int
    """Revision; the ETag is this number in quotation marks."""
    story: str | None
    """Id of its story, which `record` describes; null if it belongs to none."""
    record: dict[str, Any] | None
    """Newest record of the incident sink; null if only anomalies have arrived."""


class Incidents(BaseModel):
    """A page of incidents, the newest first."""

    items: list[IncidentOut]
    next: str | None


class CommentOut(BaseModel):
    """A comment."""

    id: str
    author: str
    time: datetime
    text: str


class Comments(BaseModel):
    """The comments on an incident, the oldest first."""

    items: list[CommentOut]


class ChangeOut(BaseModel):
    """A change of an incident, and its author."""

    time: datetime
    actor: str
    action: str
    """acknowledge, assign, comment, resolve, suppress or reopen."""
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str


class History(BaseModel):
    """The changes of an incident, the oldest first; the last 1,000 if there are more."""

    items: list[ChangeOut]


class Assignment(Reason):
    """The user to assign."""

    assignee: Annotated[Text, Field(max_length=64)] | None
    """Name of a user; null unassigns the incident."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a text that is not blank")
    return text


class NewComment(Body):
    """Text of a comment."""

    text: Annotated[Text, Field(min_length=1, max_length=4_000), AfterValidator(_not_blank)]


class IncidentsWanted(QueryFields):
    """Which incidents are meant."""

    pipeline: Wanted = None
    entity: Wanted = None
    status: Status | None = None
    severity: Severity | None = None
    assignee: Wanted = None
    closed: bool | None = None
    since: Since = None
    until: Until = None
    story: Annotated[Wanted, Query(description="Id of a story.")] = None
    collapse: Annotated[
        Literal["story"] | None,
        Query(description="Of those of a story that fit, only the one that began first."),
    ] = None

    def filter(self) -> IncidentFilter:
        """Return the filter."""
        return IncidentFilter(
            self.pipeline,
            self.entity,
            self.status,
            self.severity,
            self.assignee,
            self.closed,
            *bounds_of(self.since, self.until),
            self.story,
            self.collapse is not None,
        )


class IncidentQuery(IncidentsWanted):
    """Which incidents to list."""

    cursor: Cursor = None
    limit: Limit = 50


class IncidentExport(IncidentsWanted):
    """Which incidents to export."""

    format: ExportFormat = "ndjson"


def incident_out(incident: Incident) -> IncidentOut:
    """Return an incident as it is shown."""
    return IncidentOut(**incident_fields(incident))


def incident_fields(incident: Incident) -> dict[str, Any]:
    """Return the fields of an incident that is shown, with values that JSON takes."""
    return {**listed_fields(listed(incident)), "record": incident.facts.document}


def listed_fields(incident: ListedIncident) -> dict[str, Any]:
    """Return the fields of an incident of a list, with values that JSON takes."""
    began, last, record = incident.began, incident.last, incident.record
    return {
        "id": incident.id,
        "pipeline": incident.pipeline,
        "entity": incident.entity,
        "began": time_of(began),
        "began_ns": began,
        "last": time_of(last),
        "last_ns": last,
        "severity": incident.severity,
        "count": incident.anomalies,
        "summary": incident.summary,
        "state": "closed" if incident.closed else "open",
        "status": incident.status,
        "assignee": incident.assignee,
        "revision": incident.revision,
        "story": incident.story,
        "record": None if record is None else orjson.Fragment(record),
    }


def _values(incident: Incident) -> dict[str, Any]:
    facts = incident.facts
    return {**incident_fields(incident), "began": facts.began, "last": facts.last}


def _cells(incident: Incident) -> dict[str, Any]:
    shown = incident_fields(incident)
    return {**shown, "began": _written(shown["began"]), "last": _written(shown["last"])}


def _written(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


EXPORT = Export(COLUMNS, lambda one: as_json(incident_fields(one)), _cells, _values)


def change_out(record: AuditRecord) -> ChangeOut:
    """Return a change as it is shown: not from where it was made."""
    entry = record.entry
    return ChangeOut(
        time=time_of(entry.time),
        actor=entry.actor,
        action=entry.action.partition(".")[2],
        before=orjson.loads(entry.before),
        after=orjson.loads(entry.after),
        reason=entry.reason,
    )


def comment_out(comment: Comment) -> CommentOut:
    """Return a comment as it is shown."""
    return CommentOut(
        id=comment.id, author=comment.author, time=time_of(comment.time), text=comment.text
    )

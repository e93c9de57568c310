"""Incidents: listed, looked up, and handled by people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from engine.application.control.caller import Caller
from engine.application.control.comment_incident import comment_incident
from engine.application.control.find_incidents import find_incidents as found_incidents
from engine.application.control.find_incidents import get_comments, get_incident
from engine.application.control.handle_incident import (
    Handling,
    acknowledge_incident,
    assign_incident,
    reopen_incident,
    require_to_handle,
    resolve_incident,
    suppress_incident,
)
from engine.application.control.permissions import pipeline_to_list
from engine.application.control_ports import UnitOfWork
from engine.domain.alert_policy import Severity
from engine.domain.control.incident import Comment, Incident, Status
from engine.domain.control.page import IncidentFilter
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.exports import Export, ExportFormat, all_of
from engine.presentation.api.list_route import ListRoute
from engine.presentation.api.parquet import ColumnType
from engine.presentation.api.requests import (
    Cursor,
    IfMatch,
    Key,
    Limit,
    Result,
    Since,
    Text,
    Until,
    Wanted,
    as_json,
    etag_of,
    ns_of,
    once,
    page_reply,
    position_of,
    revision_of,
    written,
)
from engine.presentation.api.services import WithServices

router = APIRouter(tags=["incidents"])
Handle = Callable[[UnitOfWork, Caller, int, Handling], Incident]
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
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


class Reason(BaseModel):
    """The reason, for the audit log."""

    reason: Annotated[Text, Field(max_length=1_000)] = ""


class Assignment(Reason):
    """The user to assign."""

    assignee: Annotated[Text, Field(max_length=64)] | None
    """Name of a user; null unassigns the incident."""


class NewComment(BaseModel):
    """Text of a comment."""

    text: Annotated[Text, Field(min_length=1, max_length=4_000)]


class IncidentsWanted(BaseModel):
    """Which incidents are meant."""

    pipeline: Wanted = None
    entity: Wanted = None
    status: Status | None = None
    severity: Severity | None = None
    assignee: Wanted = None
    closed: bool | None = None
    since: Since = None
    until: Until = None

    def filter(self) -> IncidentFilter:
        """Return the filter."""
        handled = self.status, self.severity, self.assignee, self.closed
        return IncidentFilter(
            self.pipeline, self.entity, *handled, ns_of(self.since), ns_of(self.until)
        )


class IncidentQuery(IncidentsWanted):
    """Which incidents to list."""

    cursor: Cursor = None
    limit: Limit = 50


class IncidentExport(IncidentsWanted):
    """Which incidents to export."""

    format: ExportFormat = "ndjson"


def list_incidents(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    query: Annotated[IncidentQuery, Query()],
) -> Response:
    """List incidents by when they began, the newest first."""
    behind = position_of(query.cursor)
    with services.store.reading() as work:
        page = found_incidents(work, caller, query.filter(), behind, query.limit)
    following = written(page.next)
    items = list(map(_fields, page.items))
    return page_reply(request, as_json({"items": items, "next": following}), following)


router.add_api_route(
    "/incidents", list_incidents, response_model=Incidents, route_class_override=ListRoute
)


@router.get("/incidents/export", response_class=StreamingResponse)
def export_incidents(
    services: WithServices,
    caller: WithCaller,
    query: Annotated[IncidentExport, Query()],
) -> StreamingResponse:
    """Export all matching incidents, the newest first."""
    pipeline_to_list(caller, query.pipeline)
    found = all_of(services, caller, found_incidents, query.filter())
    return EXPORT.reply(found, query.format)


@router.get("/incidents/{incident_id}")
def read_incident(
    services: WithServices, caller: WithCaller, response: Response, incident_id: Text
) -> IncidentOut:
    """Return an incident; changes need its ETag."""
    with services.store.reading() as work:
        found = get_incident(work, caller, incident_id)
    response.headers["ETag"] = etag_of(found.revision)
    return _shown(found)


def _add(name: str, handle: Handle) -> None:
    """Add the endpoint of a change that takes a reason alone."""

    def change(
        services: WithServices,
        caller: WithCaller,
        request: Request,
        incident_id: Text,
        body: Reason | None = None,
        if_match: IfMatch = None,
        key: Key = None,
    ) -> Response:
        handling = Handling(incident_id, revision_of(if_match), body.reason if body else "")

        def made(work: UnitOfWork) -> Result:
            found = handle(work, caller, services.now(), handling)
            return Result(200, _shown(found), found.revision)

        return once(services, caller, request, key, handling, made, _handles(caller, incident_id))

    change.__doc__ = (handle.__doc__ or "").partition("\n")[0]
    router.post(
        f"/incidents/{{incident_id}}/{name}",
        response_model=IncidentOut,
        operation_id=f"{name}_incident",
        summary=f"{name.capitalize()} an incident",
    )(change)


_add("acknowledge", acknowledge_incident)
_add("resolve", resolve_incident)
_add("suppress", suppress_incident)
_add("reopen", reopen_incident)


@router.post("/incidents/{incident_id}/assign", response_model=IncidentOut)
def assign(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    incident_id: Text,
    body: Assignment,
    if_match: IfMatch = None,
    key: Key = None,
) -> Response:
    """Assign an incident to a user, or unassign it."""
    handling = Handling(incident_id, revision_of(if_match), body.reason)

    def made(work: UnitOfWork) -> Result:
        found = assign_incident(work, caller, services.now(), handling, body.assignee)
        return Result(200, _shown(found), found.revision)

    return once(
        services, caller, request, key, (handling, body), made, _handles(caller, incident_id)
    )


@router.get("/incidents/{incident_id}/comments")
def list_comments(services: WithServices, caller: WithCaller, incident_id: Text) -> Comments:
    """List the comments on an incident, the oldest first."""
    with services.store.reading() as work:
        found = get_comments(work, caller, incident_id)
    return Comments(items=list(map(_comment, found)))


@router.post("/incidents/{incident_id}/comments", status_code=201, response_model=CommentOut)
def add_comment(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    incident_id: Text,
    body: NewComment,
    key: Key = None,
) -> Response:
    """Write a comment on an incident."""

    def made(work: UnitOfWork) -> Result:
        found = comment_incident(work, caller, services.now(), incident_id, body.text)
        return Result(201, _comment(found))

    return once(services, caller, request, key, body, made, _handles(caller, incident_id))


def _handles(caller: Caller, incident_id: str) -> Callable[[UnitOfWork], object]:
    return lambda work: require_to_handle(work, caller, incident_id)


def time_of(ns: int) -> datetime:
    """Return a time as JSON shows it, to the microsecond."""
    return EPOCH + timedelta(microseconds=ns // 1_000)


def _shown(incident: Incident) -> IncidentOut:
    return IncidentOut(**_fields(incident))


def _fields(incident: Incident) -> dict[str, Any]:
    facts = incident.facts
    return {
        "id": incident.id,
        "pipeline": facts.pipeline,
        "entity": facts.entity,
        "began": time_of(facts.began),
        "began_ns": facts.began,
        "last": time_of(facts.last),
        "last_ns": facts.last,
        "severity": facts.severity,
        "count": facts.count,
        "summary": facts.summary,
        "state": "closed" if facts.closed else "open",
        "status": incident.status,
        "assignee": incident.assignee,
        "revision": incident.revision,
        "record": None if facts.document is None else dict(facts.document),
    }


def _values(incident: Incident) -> dict[str, Any]:
    facts = incident.facts
    return {**_fields(incident), "began": facts.began, "last": facts.last}


def _cells(incident: Incident) -> dict[str, Any]:
    shown = _fields(incident)
    return {**shown, "began": _written(shown["began"]), "last": _written(shown["last"])}


def _written(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


EXPORT = Export(COLUMNS, lambda one: as_json(_fields(one)), _cells, _values)


def _comment(comment: Comment) -> CommentOut:
    return CommentOut(
        id=comment.id, author=comment.author, time=time_of(comment.time), text=comment.text
    )

"""Incidents: listed, looked up, and handled by people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from engine.application.control.caller import Caller
from engine.application.control.comment_incident import comment_incident
from engine.application.control.find_incidents import find_incidents as found_incidents
from engine.application.control.find_incidents import get_comments, get_incident
from engine.application.control.find_incidents import list_incidents as listed_incidents
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
from engine.application.control.read_history import read_history
from engine.application.control_ports import UnitOfWork
from engine.domain.control.incident import Incident
from engine.presentation.api.bodies import Reason
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.exports import all_of
from engine.presentation.api.incident_models import (
    EXPORT,
    Assignment,
    CommentOut,
    Comments,
    History,
    IncidentExport,
    IncidentOut,
    IncidentQuery,
    Incidents,
    NewComment,
    change_out,
    comment_out,
    incident_out,
    listed_fields,
)
from engine.presentation.api.page_route import FoundPage, PageRoute, WithReading
from engine.presentation.api.repeats import Result, once
from engine.presentation.api.requests import (
    IfMatch,
    Key,
    Text,
    as_json,
    etag_of,
    position_of,
    revision_of,
    written,
)
from engine.presentation.api.services import WithServices

router = APIRouter(tags=["incidents"], route_class=EndpointRoute)
Handle = Callable[[UnitOfWork, Caller, int, Handling], Incident]


def list_incidents(
    work: WithReading, caller: WithCaller, query: Annotated[IncidentQuery, Query()]
) -> FoundPage:
    """List incidents by when they began, the newest first."""
    behind = position_of(query.cursor)
    page = listed_incidents(work, caller, query.filter(), behind, query.limit)
    following = written(page.next)
    items = list(map(listed_fields, page.items))
    return FoundPage(as_json({"items": items, "next": following}), following)


router.add_api_route(
    "/incidents", list_incidents, response_model=Incidents, route_class_override=PageRoute
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
    return incident_out(found)


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
            return Result(200, incident_out(found), found.revision)

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
        return Result(200, incident_out(found), found.revision)

    return once(
        services, caller, request, key, (handling, body), made, _handles(caller, incident_id)
    )


@router.get("/incidents/{incident_id}/comments")
def list_comments(services: WithServices, caller: WithCaller, incident_id: Text) -> Comments:
    """List the comments on an incident, the oldest first."""
    with services.store.reading() as work:
        found = get_comments(work, caller, incident_id)
    return Comments(items=list(map(comment_out, found)))


@router.get("/incidents/{incident_id}/history")
def list_history(services: WithServices, caller: WithCaller, incident_id: Text) -> History:
    """List who changed an incident, when and why, the oldest first."""
    with services.store.reading() as work:
        found = read_history(work, caller, incident_id)
    return History(items=list(map(change_out, found)))


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
        return Result(201, comment_out(found))

    return once(services, caller, request, key, body, made, _handles(caller, incident_id))


def _handles(caller: Caller, incident_id: str) -> Callable[[UnitOfWork], object]:
    return lambda work: require_to_handle(work, caller, incident_id)

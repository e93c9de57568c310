"""Lists incidents, looks one up, and reads its comments."""

from __future__ import annotations

from dataclasses import replace

from engine.application.control.caller import Caller
from engine.application.control.permissions import (
    Action,
    may_see,
    pipeline_to_list,
    require_somewhere,
)
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import NotFoundError
from engine.domain.control.incident import Comment, Incident
from engine.domain.control.listed_incident import ListedIncident
from engine.domain.control.page import IncidentFilter, Page, Position


def find_incidents(
    work: UnitOfWork, caller: Caller, wanted: IncidentFilter, behind: Position | None, limit: int
) -> Page[Incident]:
    """Return a page of incidents, the newest first.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    wanted = replace(wanted, pipeline=pipeline_to_list(caller, wanted.pipeline))
    return work.incidents.find(wanted, behind, limit)


def list_incidents(
    work: UnitOfWork, caller: Caller, wanted: IncidentFilter, behind: Position | None, limit: int
) -> Page[ListedIncident]:
    """Return a page of incidents as lists show them, the newest first.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    wanted = replace(wanted, pipeline=pipeline_to_list(caller, wanted.pipeline))
    return work.incidents.listed(wanted, behind, limit)


def get_incident(work: UnitOfWork, caller: Caller, incident_id: str) -> Incident:
    """Return an incident.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the id is unknown.
    """
    require_somewhere(caller, Action.READ)
    found = stored_incident(work, incident_id)
    if not may_see(caller, found.facts.pipeline):
        raise missing_incident(incident_id)
    return found


def get_comments(work: UnitOfWork, caller: Caller, incident_id: str) -> list[Comment]:
    """Return the comments on an incident, the oldest first.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the id is unknown.
    """
    get_incident(work, caller, incident_id)
    return work.incidents.comments(incident_id)


def stored_incident(work: UnitOfWork, incident_id: str) -> Incident:
    """Return an incident.

    Raises:
        NotFoundError: the id is unknown.
    """
    found = work.incidents.get([incident_id]).get(incident_id)
    if found is None:
        raise missing_incident(incident_id)
    return found


def missing_incident(incident_id: str) -> NotFoundError:
    """Return the error for an id that is unknown, or that the caller may not see."""
    return NotFoundError(f'no incident has the id "{incident_id}"')

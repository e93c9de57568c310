"""List incidents, look one up, and read what was written about it."""

from __future__ import annotations

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import NotFoundError
from engine.domain.control.incident import Comment, Incident
from engine.domain.control.page import IncidentFilter, Page, Position


def find_incidents(
    work: UnitOfWork, caller: Caller, wanted: IncidentFilter, behind: Position | None, limit: int
) -> Page[Incident]:
    """Return a page of incidents, the newest first.

    Raises:
        ForbiddenError: the caller may not.
    """
    require(caller, Action.READ)
    return work.incidents.find(wanted, behind, limit)


def get_incident(work: UnitOfWork, caller: Caller, incident_id: str) -> Incident:
    """Return an incident.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: there is none of this id.
    """
    require(caller, Action.READ)
    return stored_incident(work, incident_id)


def get_comments(work: UnitOfWork, caller: Caller, incident_id: str) -> list[Comment]:
    """Return the comments on an incident, the oldest first.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: there is none of this id.
    """
    get_incident(work, caller, incident_id)
    return work.incidents.comments(incident_id)


def stored_incident(work: UnitOfWork, incident_id: str) -> Incident:
    """Return an incident.

    Raises:
        NotFoundError: there is none of this id.
    """
    found = work.incidents.get([incident_id]).get(incident_id)
    if found is None:
        raise NotFoundError(f'no incident has the id "{incident_id}"')
    return found

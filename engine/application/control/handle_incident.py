"""Changes the status, assignee or comments of an incident."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.application.control.caller import Caller
from engine.application.control.feeding import announce
from engine.application.control.find_incidents import stored_incident
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import InvalidRequestError, StaleError
from engine.domain.control.incident import Incident


@dataclass(frozen=True, slots=True)
class Handling:
    """The incident to change, and the condition.

    Attributes:
        incident: the id of the incident.
        revision: the revision that the caller has read; None: any.
        reason: the reason, for the audit log.
    """

    incident: str
    revision: int | None
    reason: str = ""


def acknowledge_incident(
    work: UnitOfWork, caller: Caller, now: int, handling: Handling
) -> Incident:
    """Acknowledge an incident, and assign it to the caller unless it has an assignee.

    Raises:
        RequestError: the caller lacks permission; the incident is unknown, was changed, or is not
            open.
    """

    def change(incident: Incident) -> Incident:
        return incident.acknowledged(caller.name)

    return _handle(work, caller, now, handling, "acknowledge", change)


def resolve_incident(work: UnitOfWork, caller: Caller, now: int, handling: Handling) -> Incident:
    """Resolve an incident.

    Raises:
        RequestError: the caller lacks permission; the incident is unknown, was changed, or is
            done already.
    """
    return _handle(work, caller, now, handling, "resolve", Incident.resolved)


def suppress_incident(work: UnitOfWork, caller: Caller, now: int, handling: Handling) -> Incident:
    """Suppress an incident, which then needs no attention.

    Raises:
        RequestError: the caller lacks permission; the incident is unknown, was changed, or is
            done already.
    """
    return _handle(work, caller, now, handling, "suppress", Incident.suppressed)


def reopen_incident(work: UnitOfWork, caller: Caller, now: int, handling: Handling) -> Incident:
    """Reopen an incident.

    Raises:
        RequestError: the caller lacks permission; the incident is unknown, was changed, or is not
            done.
    """
    return _handle(work, caller, now, handling, "reopen", Incident.reopened)


def assign_incident(
    work: UnitOfWork, caller: Caller, now: int, handling: Handling, assignee: str | None
) -> Incident:
    """Assign an incident to a user, or unassign it.

    Raises:
        RequestError: the caller lacks permission; the incident or the user is unknown; or the
            incident was changed.
    """
    require_to_handle(work, caller, handling.incident)
    user = None if assignee is None else work.users.get(assignee)
    if assignee is not None and (user is None or user.disabled):
        raise InvalidRequestError("assignee", f'there is no user "{assignee}" who can log in')

    def change(incident: Incident) -> Incident:
        return incident.assigned(assignee)

    return _handle(work, caller, now, handling, "assign", change)


def require_to_handle(work: UnitOfWork, caller: Caller, incident_id: str) -> Incident:
    """Return an incident that the caller may change.

    Raises:
        NotFoundError: the id is unknown.
        ForbiddenError: the caller lacks permission.
    """
    incident = stored_incident(work, incident_id)
    require(caller, Action.HANDLE_INCIDENTS, incident.facts.pipeline)
    return incident


def _handle(
    work: UnitOfWork,
    caller: Caller,
    now: int,
    handling: Handling,
    action: str,
    change: Callable[[Incident], Incident],
) -> Incident:
    before = require_to_handle(work, caller, handling.incident)
    if handling.revision not in (None, before.revision):
        raise StaleError("the incident was changed since you read it: read it again")
    after = change(before)
    work.incidents.save([after])
    announce(work, incidents=[after])
    record(
        work,
        caller,
        now,
        f"incident.{action}",
        before.id,
        {"status": before.status, "assignee": before.assignee},
        {"status": after.status, "assignee": after.assignee},
        handling.reason,
    )
    return after

"""Change the status, assignee or comments of an incident."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.application.control.caller import Caller
from engine.application.control.feeding import tell
from engine.application.control.find_incidents import stored_incident
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import InvalidRequestError, StaleError
from engine.domain.control.incident import Incident


@dataclass(frozen=True, slots=True)
class Handling:
    """What to change, and on what condition.

    Attributes:
        incident: its id.
        revision: that the caller has seen; None whatever it is.
        reason: why, for the audit log.
    """

    incident: str
    revision: int | None
    reason: str = ""


def acknowledge_incident(
    work: UnitOfWork, caller: Caller, now: int, handling: Handling
) -> Incident:
    """Say that somebody looks at an incident: the caller, unless it has an assignee.

    Raises:
        RequestError: the caller may not, it is not there, was changed, or is not open.
    """

    def change(incident: Incident) -> Incident:
        return incident.acknowledged(caller.name)

    return _handle(work, caller, now, handling, "acknowledge", change)


def resolve_incident(work: UnitOfWork, caller: Caller, now: int, handling: Handling) -> Incident:
    """Say that an incident is dealt with.

    Raises:
        RequestError: the caller may not, it is not there, was changed, or is done already.
    """
    return _handle(work, caller, now, handling, "resolve", Incident.resolved)


def suppress_incident(work: UnitOfWork, caller: Caller, now: int, handling: Handling) -> Incident:
    """Say that nobody need look at an incident.

    Raises:
        RequestError: the caller may not, it is not there, was changed, or is done already.
    """
    return _handle(work, caller, now, handling, "suppress", Incident.suppressed)


def reopen_incident(work: UnitOfWork, caller: Caller, now: int, handling: Handling) -> Incident:
    """Say that an incident is not dealt with after all.

    Raises:
        RequestError: the caller may not, it is not there, was changed, or is not done.
    """
    return _handle(work, caller, now, handling, "reopen", Incident.reopened)


def assign_incident(
    work: UnitOfWork, caller: Caller, now: int, handling: Handling, assignee: str | None
) -> Incident:
    """Give an incident to a user, or to nobody.

    Raises:
        RequestError: the caller may not, it is not there, was changed, or there is no such user.
    """
    require_to_handle(work, caller, handling.incident)
    user = None if assignee is None else work.users.get(assignee)
    if assignee is not None and (user is None or user.disabled):
        raise InvalidRequestError("assignee", f'there is no user "{assignee}" who can log in')

    def change(incident: Incident) -> Incident:
        return incident.assigned(assignee)

    return _handle(work, caller, now, handling, "assign", change)


def require_to_handle(work: UnitOfWork, caller: Caller, incident_id: str) -> Incident:
    """Let a caller handle an incident of their pipelines, and return it.

    Raises:
        NotFoundError: there is none of this id.
        ForbiddenError: the caller may not.
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
    tell(work, incidents=[after])
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

"""Reads what people did to an incident, from the audit log."""

from __future__ import annotations

from engine.application.control.caller import Caller
from engine.application.control.find_incidents import get_incident
from engine.application.control_ports import UnitOfWork
from engine.domain.control.audit import AuditRecord

MOST = 1_000
"""Records of a history: the last ones, if there are more."""
ACTION = "incident."


def read_history(work: UnitOfWork, caller: Caller, incident_id: str) -> list[AuditRecord]:
    """Return the changes of an incident by people, the oldest first.

    Whoever may read the incident may read them; the whole log is for who may read that.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the id is unknown.
    """
    get_incident(work, caller, incident_id)
    found = work.audit.of(incident_id, MOST)
    return [one for one in reversed(found) if one.entry.action.startswith(ACTION)]

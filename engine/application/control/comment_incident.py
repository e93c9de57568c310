"""Write a comment on an incident."""

from __future__ import annotations

from secrets import token_hex

from engine.application.control.caller import Caller
from engine.application.control.handle_incident import require_to_handle
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.incident import Comment


def comment_incident(
    work: UnitOfWork, caller: Caller, now: int, incident_id: str, text: str
) -> Comment:
    """Store a comment.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the incident is unknown.
    """
    incident = require_to_handle(work, caller, incident_id)
    comment = Comment(token_hex(8), incident.id, caller.name, now, text)
    work.incidents.add_comment(comment)
    record(
        work, caller, now, "incident.comment", incident.id, None, {"id": comment.id, "text": text}
    )
    return comment

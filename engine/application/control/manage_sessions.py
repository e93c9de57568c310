"""Lists and ends sessions."""

from __future__ import annotations

from dataclasses import replace

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, may, require
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import NotFoundError
from engine.domain.control.session import Session


def find_sessions(work: UnitOfWork, caller: Caller, user: str | None) -> list[Session]:
    """Return the sessions of a user, by default of the caller; the newest first.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    wanted = user or caller.name
    require(caller, Action.OWN_TOKENS if wanted == caller.name else Action.MANAGE_USERS)
    return work.sessions.of(wanted)


def end_session(work: UnitOfWork, caller: Caller, now: int, session_id: str) -> None:
    """End a session and invalidate its tokens.

    Raises:
        NotFoundError: the id is unknown, or another user's and the caller may not see it.
    """
    require(caller, Action.OWN_TOKENS)
    found = work.sessions.get(session_id)
    if found is None or not (found.user == caller.name or may(caller, Action.MANAGE_USERS)):
        raise NotFoundError(f'you have no session "{session_id}"')
    if found.ended is None:
        work.sessions.save(replace(found, ended=now))
        record(work, caller, now, "session.end", found.id)

"""Refreshes a session by its refresh token, which is valid once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.application.control.caller import Caller
from engine.application.control.log_in import NewSession, refresh_token
from engine.application.control.recording import record
from engine.application.control_ports import Store, UnitOfWork
from engine.domain.control.session import Session
from engine.domain.control.token import Token, TokenKind, parts_of


def refresh_session(
    store: Store, shown: str, address: str, now: int, check: Callable[[Session], object]
) -> NewSession | None:
    """Return a session with its next refresh token; None if refused, which is recorded.

    A refresh token that is used twice has been stolen. Either use may be the thief's, so the
    session ends.

    Args:
        store: the store with the sessions.
        shown: the refresh token.
        address: the client address.
        now: ns since 1970.
        check: raises an error if the request must be refused for another reason.
    """
    parts = parts_of(shown)
    if parts is None:
        return None
    with store.writing() as work:
        found = work.tokens.get(parts[0])
        if found is None or found.session is None or found.kind is not TokenKind.REFRESH:
            return None
        # Locked now: of two requests with the same token, the second finds it used.
        session = work.sessions.get(found.session)
        token = work.tokens.get(parts[0])
        if session is None or token is None or not token.is_of(parts[1]):
            return None
        check(session)
        return _refreshed(work, session, token, address, now)


def _refreshed(
    work: UnitOfWork, session: Session, token: Token, address: str, now: int
) -> NewSession | None:
    user = work.users.get(session.user)
    if user is None or user.disabled or not session.is_in_force(now) or now >= token.expires:
        return None
    if token.revoked is not None:
        work.sessions.save(replace(session, ended=now))
        caller = Caller(user.name, user.role, address, session=session.id)
        why = "a refresh token was used twice"
        record(work, caller, now, "session.reuse", session.id, None, None, why)
        return None
    work.tokens.save(replace(token, revoked=now))
    made = refresh_token(session, user, now)
    work.tokens.add(made.token)
    return NewSession(session, user, made.secret)

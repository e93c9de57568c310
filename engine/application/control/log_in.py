"""Log in with a password, log out, and find the user of a token or a session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from secrets import token_hex, token_urlsafe
from typing import Any, Protocol

from engine.application.control.caller import Caller
from engine.application.control.manage_tokens import NewToken, new_token, revoke_token
from engine.application.control.recording import record
from engine.application.control_ports import Store, UnitOfWork
from engine.domain.control.errors import UnauthenticatedError
from engine.domain.control.role import Role
from engine.domain.control.session import LONGEST_NS, REFRESH_NS, Session
from engine.domain.control.token import TokenKind, parts_of
from engine.domain.control.user import User


class Passwords(Protocol):
    """Hashes passwords with a slow function."""

    def hash(self, password: str) -> str:
        """Return the hash of a password."""
        ...

    def verify(self, password: str, hashed: str | None) -> bool:
        """Return whether the password matches; takes equally long without a hash."""
        ...


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just begun or refreshed.

    Attributes:
        session: the stored session.
        user: the user.
        refresh: the refresh token, shown once.
    """

    session: Session
    user: User
    refresh: str


class Codes(Protocol):
    """Checks one-time codes."""

    def are_needed(self, work: UnitOfWork, user: str) -> bool:
        """Return whether a user must give a code besides the password."""
        ...

    def accept(self, work: UnitOfWork, user: str, code: str, now: int) -> bool:
        """Return whether a code is valid; each is accepted once."""
        ...


def log_in(
    store: Store,
    name: str,
    password: str,
    address: str,
    now: int,
    passwords: Passwords,
    codes: Codes | None = None,
    code: str | None = None,
) -> NewSession | None:
    """Return a session; None if the login is refused, which is recorded.

    The reply is the same for an unknown user, a wrong password, and a locked or disabled user.

    Args:
        store: the store for the session, or the failure.
        name, password: the credentials.
        address: the client address.
        now: ns since 1970.
        passwords: verifies the password.
        codes: verifies the one-time code.
        code: the one-time code; None if none was given.

    Raises:
        UnauthenticatedError: the password is right, but the code is missing.
    """
    with store.reading() as work:
        user = work.users.get(name)
    hashed = None if user is None else user.password
    # It takes long, and therefore runs outside of a transaction.
    right = passwords.verify(password, hashed)
    if user is None:
        return None
    caller = Caller(name, Role.VIEWER, address)
    with store.writing() as work:
        if not _may_begin(work, name, hashed, now):
            return None
        if right and codes is not None and codes.are_needed(work, name):
            if code is None:
                raise UnauthenticatedError("a one-time code is missing: send it as `code`")
            right = codes.accept(work, name, code, now)
        return _decided(work, name, right, caller, now)


def _may_begin(work: UnitOfWork, name: str, hashed: str | None, now: int) -> bool:
    """Return whether the user may log in now; the user may have been changed meanwhile."""
    user = work.users.get(name)
    gone = user is None or user.disabled or user.password != hashed
    return user is not None and not gone and not user.is_locked(now)


def _decided(
    work: UnitOfWork, name: str, right: bool, caller: Caller, now: int
) -> NewSession | None:
    """Store the session or the failure."""
    user = work.users.get(name)
    if user is None:
        return None
    if not right:
        failed = user.failed(now)
        work.users.save(failed)
        count = {"failures": failed.failures, "locked_until": failed.locked_until}
        record(work, caller, now, "session.refuse", name, None, count)
        return None
    work.users.save(user.succeeded())
    return begin_session(work, user, caller, now)


def begin_session(work: UnitOfWork, user: User, caller: Caller, now: int) -> NewSession:
    """Store a session of an authenticated user."""
    session = Session(
        token_hex(8), user.name, caller.address, token_urlsafe(24), now, now + LONGEST_NS
    )
    work.sessions.add(session)
    made = refresh_token(session, user, now)
    work.tokens.add(made.token)
    record(work, caller, now, "session.begin", session.id)
    return NewSession(session, user, made.secret)


def refresh_token(session: Session, user: User, now: int) -> NewToken:
    """Return the next refresh token of a session, not stored yet."""
    expires = min(now + REFRESH_NS, session.expires)
    made = new_token(user.name, "refresh", TokenKind.REFRESH, user.role, now, expires)
    return replace(made, token=replace(made.token, session=session.id))


def caller_of(user: User, most: Role, address: str, **shown: Any) -> Caller:
    """Return a user as a caller, limited to a role."""
    grants = {
        pipeline: user.role.at_least(role).at_most(most) for pipeline, role in user.grants.items()
    }
    return Caller(user.name, user.role.at_most(most), address, grants=grants, **shown)


def log_out(work: UnitOfWork, caller: Caller, now: int) -> None:
    """End the caller's session, or revoke the token."""
    if not caller.session:
        revoke_token(work, caller, now, caller.token)
        return
    session = work.sessions.get(caller.session)
    if session is not None and session.ended is None:
        work.sessions.save(replace(session, ended=now))
        record(work, caller, now, "session.end", session.id)


def find_session(
    work: UnitOfWork, session_id: str, address: str, now: int
) -> tuple[Caller, Session]:
    """Return a session and its user.

    Raises:
        UnauthenticatedError: the session is not valid.
    """
    session = work.sessions.get(session_id)
    if session is not None and session.is_in_force(now):
        user = work.users.get(session.user)
        if user is not None and not user.disabled:
            return caller_of(user, Role.ADMIN, address, session=session.id), session
    raise UnauthenticatedError("the session has ended: log in again")


def authenticate(work: UnitOfWork, token: str, address: str, now: int) -> Caller:
    """Return the caller of an API token.

    Raises:
        UnauthenticatedError: the token is not valid.
    """
    parts = parts_of(token)
    found = None if parts is None else work.tokens.with_owner(parts[0])
    if parts is not None and found is not None:
        shown, user = found
        accepted = shown.kind is TokenKind.API and shown.accepts(parts[1], now)
        if accepted and not user.disabled:
            return caller_of(user, shown.role, address, token=shown.id, expires=shown.expires)
    raise UnauthenticatedError("the token is unknown, expired or revoked: log in again")

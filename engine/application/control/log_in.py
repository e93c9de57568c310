"""Log in with a password, log out, and find the user of a token."""

from __future__ import annotations

from typing import Protocol

from engine.application.control.caller import Caller
from engine.application.control.manage_tokens import NewToken, new_token, revoke_token
from engine.application.control.recording import record
from engine.application.control_ports import Store, UnitOfWork
from engine.domain.control.errors import UnauthenticatedError
from engine.domain.control.role import Role
from engine.domain.control.token import TokenKind, parts_of
from engine.domain.time_units import NS_PER_HOUR

SESSION_NS = 12 * NS_PER_HOUR
"""How long a login lasts."""


class Passwords(Protocol):
    """Hashes passwords, slowly."""

    def hash(self, password: str) -> str:
        """Return what is stored of a password."""
        ...

    def verify(self, password: str, hashed: str | None) -> bool:
        """Return whether it is the password; takes as long where there is no hash."""
        ...


def log_in(
    store: Store, name: str, password: str, address: str, now: int, passwords: Passwords
) -> NewToken | None:
    """Return a token for half a day; None if it is refused, which is stored as well.

    The reply is the same for an unknown user, a wrong password, and a locked or disabled user.

    Args:
        store: keeps the token, or the failure.
        name, password: as they were given.
        address: from where.
        now: ns since 1970.
        passwords: compares with the hash.
    """
    with store.reading() as work:
        user = work.users.get(name)
    hashed = None if user is None else user.password
    # It takes long, so no transaction waits for it.
    right = passwords.verify(password, hashed)
    if user is None:
        return None
    with store.writing() as work:
        return _decided(work, name, hashed, right, Caller(name, Role.VIEWER, address), now)


def _decided(
    work: UnitOfWork, name: str, hashed: str | None, right: bool, caller: Caller, now: int
) -> NewToken | None:
    """Begin the session, or store the failure; others may have changed the user meanwhile."""
    user = work.users.get(name)
    if user is None or user.disabled or user.is_locked(now) or user.password != hashed:
        return None
    if not right:
        failed = user.failed(now)
        work.users.save(failed)
        count = {"failures": failed.failures, "locked_until": failed.locked_until}
        record(work, caller, now, "session.refuse", name, None, count)
        return None
    work.users.save(user.succeeded())
    made = new_token(name, "login", TokenKind.SESSION, user.role, now, now + SESSION_NS)
    work.tokens.add(made.token)
    record(work, caller, now, "session.begin", made.token.id)
    return made


def log_out(work: UnitOfWork, caller: Caller, now: int) -> None:
    """End what the caller's token allows."""
    revoke_token(work, caller, now, caller.token)


def authenticate(work: UnitOfWork, token: str, address: str, now: int) -> Caller:
    """Return who shows a token.

    Raises:
        UnauthenticatedError: it is none, or not in force.
    """
    parts = parts_of(token)
    found = None if parts is None else work.tokens.get(parts[0])
    if parts is not None and found is not None and found.accepts(parts[1], now):
        user = work.users.get(found.user)
        if user is not None and not user.disabled:
            role = user.role.at_most(found.role)
            expires = found.expires if found.kind is TokenKind.API else None
            return Caller(user.name, role, address, found.id, expires)
    raise UnauthenticatedError("the token is unknown, expired or revoked: log in again")

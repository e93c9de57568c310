"""Lists, adds and changes users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import ConflictError, NotFoundError, StaleError
from engine.domain.control.role import Grants, Role
from engine.domain.control.user import User, check_grants, check_name, check_password

Hash = Callable[[str], str]
"""Hashes a password."""


@dataclass(frozen=True, slots=True)
class UserChange:
    """Changes of a user; None leaves a field unchanged."""

    role: Role | None = None
    disabled: bool | None = None
    password: str | None = None
    grants: Grants | None = None


def find_users(work: UnitOfWork, caller: Caller) -> list[User]:
    """Return all users by name.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require(caller, Action.MANAGE_USERS)
    return work.users.all()


def get_user(work: UnitOfWork, caller: Caller, name: str) -> User:
    """Return a user.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the name is unknown.
    """
    require(caller, Action.MANAGE_USERS)
    found = work.users.get(name)
    if found is None:
        raise NotFoundError(f'no user is called "{name}"')
    return found


def add_user(
    work: UnitOfWork,
    caller: Caller,
    now: int,
    name: str,
    role: Role,
    password: str | None,
    hashed: Hash,
    grants: Grants | None = None,
) -> User:
    """Add a user; without a password, the user can only have tokens.

    Raises:
        RequestError: the caller lacks permission, the name is taken, or the name or password is
            not acceptable.
    """
    require(caller, Action.MANAGE_USERS)
    check_name(name)
    check_grants(grants or {})
    if password is not None:
        check_password(name, password)
    secret = None if password is None else hashed(password)
    user = User(name, role, secret, now, grants=dict(grants or {}))
    work.users.add(user)
    record(work, caller, now, "user.add", name, None, _shown(user))
    return user


def change_user(
    work: UnitOfWork,
    caller: Caller,
    now: int,
    name: str,
    revision: int | None,
    change: UserChange,
    hashed: Hash,
) -> User:
    """Change a user; a new password, or disabling the user, ends all sessions.

    Raises:
        RequestError: the caller lacks permission, the user is unknown or was changed since, the
            password is not acceptable, or nobody could manage users any more.
    """
    before = get_user(work, caller, name)
    if revision not in (None, before.revision):
        raise StaleError("the user was changed since you read it: read it again")
    after = replace(
        before,
        role=before.role if change.role is None else change.role,
        disabled=before.disabled if change.disabled is None else change.disabled,
        grants=before.grants if change.grants is None else dict(change.grants),
        revision=before.revision + 1,
    )
    check_grants(after.grants)
    if change.password is not None:
        check_password(name, change.password)
        after = replace(after.succeeded(), password=hashed(change.password))
    _keep_an_admin(work, after)
    work.users.save(after)
    if change.password is not None or after.disabled:
        end_all(work, name, now)
    shown = {**_shown(after), "password_changed": change.password is not None}
    old = {**_shown(before), "password_changed": False}
    record(work, caller, now, "user.change", name, old, shown)
    return after


def _keep_an_admin(work: UnitOfWork, changed: User) -> None:
    others = [user for user in work.users.all() if user.name != changed.name]
    if not any(user.role is Role.ADMIN and not user.disabled for user in [*others, changed]):
        raise ConflictError("nobody would be left to manage users: make another user admin first")


def end_all(work: UnitOfWork, name: str, now: int) -> None:
    """End the sessions of a user, and revoke their tokens."""
    for token in work.tokens.of(name):
        if token.revoked is None:
            work.tokens.save(replace(token, revoked=now))
    work.sessions.end_all(name, now)


def _shown(user: User) -> dict[str, object]:
    return {"role": user.role, "disabled": user.disabled, "grants": dict(user.grants)}

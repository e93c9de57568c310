"""Logs in users of an identity provider; the first login creates the user."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.application.control.caller import Caller
from engine.application.control.log_in import NewSession, begin_session
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import ForbiddenError, InvalidRequestError
from engine.domain.control.role import Grants, Role
from engine.domain.control.user import User, check_name


@dataclass(frozen=True, slots=True)
class Provided:
    """A user that a provider has authenticated.

    Attributes:
        subject: issuer and subject, which the provider never reuses.
        name: the user name.
        role: the role; None if the user has none.
        grants: the roles on single pipelines; None if they are set in the store.
    """

    subject: str
    name: str
    role: Role | None
    grants: Grants | None = None


def log_in_by_provider(work: UnitOfWork, provided: Provided, address: str, now: int) -> NewSession:
    """Return a session of the provider's user, with the rights that the provider gives.

    Raises:
        ForbiddenError: the user has no role or is disabled, or the name is taken.
    """
    if provided.role is None:
        raise ForbiddenError(
            f"{provided.name} has no role here: a group of the provider has to give one"
        )
    name = provided.name.lower()
    try:
        check_name(name)
    except InvalidRequestError as error:
        raise ForbiddenError(f'"{name}" cannot be the name of a user: {error}') from None
    caller = Caller(name, provided.role, address)
    found = work.users.of_subject(provided.subject)
    user = _made(work, caller, provided, now) if found is None else found
    caller = replace(caller, name=user.name)
    if user.disabled:
        raise ForbiddenError(f"{user.name} is disabled here")
    grants = user.grants if provided.grants is None else dict(provided.grants)
    if (user.role, user.grants) != (provided.role, grants):
        before = user
        user = replace(user, role=provided.role, grants=grants, revision=user.revision + 1)
        work.users.save(user)
        record(work, caller, now, "user.change", user.name, _rights(before), _rights(user))
    return begin_session(work, user, caller, now)


def _made(work: UnitOfWork, caller: Caller, provided: Provided, now: int) -> User:
    if work.users.get(caller.name) is not None:
        # Matching by name would let a provider take over local users.
        raise ForbiddenError(
            f'there is a user "{caller.name}" here already, who is not the provider\'s'
        )
    grants = dict(provided.grants or {})
    user = User(caller.name, caller.role, None, now, subject=provided.subject, grants=grants)
    work.users.add(user)
    shown = {**_rights(user), "disabled": False, "subject": provided.subject}
    record(work, caller, now, "user.add", user.name, None, shown)
    return user


def _rights(user: User) -> dict[str, object]:
    return {"role": user.role, "grants": dict(user.grants)}

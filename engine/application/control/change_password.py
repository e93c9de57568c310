"""Users change their own password."""

from __future__ import annotations

from dataclasses import replace

from engine.application.control.caller import Caller
from engine.application.control.log_in import Passwords
from engine.application.control.manage_users import end_all
from engine.application.control.recording import record
from engine.application.control_ports import Store
from engine.domain.control.errors import ConflictError, InvalidRequestError
from engine.domain.control.user import check_password


def change_password(
    store: Store, caller: Caller, old: str, new: str, now: int, passwords: Passwords
) -> bool:
    """Change the caller's password, which ends all that is logged in; False if it was not theirs.

    A wrong password counts as one at the login does.

    Args:
        store: keeps the user.
        caller: whose password it is.
        old, new: passwords.
        now: ns since 1970.
        passwords: compares with the hash, and makes the next one.

    Raises:
        ConflictError: they show a token instead of a login, or have no password here.
        InvalidRequestError: the new one does not fit.
    """
    with store.reading() as work:
        user = work.users.get(caller.name)
    if not caller.session or user is None or user.password is None:
        raise ConflictError("a password is changed by a login with one: log in first")
    if user.is_locked(now):
        return False
    check_password(caller.name, new)
    if old == new:
        raise InvalidRequestError("body/new", "expected another password than the present one")
    # Both take long, so no transaction waits for them.
    right = passwords.verify(old, user.password)
    hashed = passwords.hash(new) if right else None
    with store.writing() as work:
        found = work.users.get(caller.name)
        if found is None or found.disabled or found.password != user.password:
            return False
        if hashed is None:
            work.users.save(found.failed(now))
            record(work, caller, now, "password.refuse", caller.name)
            return False
        changed = replace(found.succeeded(), password=hashed, revision=found.revision + 1)
        work.users.save(changed)
        end_all(work, caller.name, now)
        record(work, caller, now, "password.change", caller.name)
    return True

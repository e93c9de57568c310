"""Changes the password of the caller."""

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
    """Change the caller's password and end all sessions; False if the old one is wrong.

    A wrong password counts as a failed login.

    Args:
        store: the store with the user.
        caller: the user whose password changes.
        old, new: the passwords.
        now: ns since 1970.
        passwords: verifies and hashes passwords.

    Raises:
        ConflictError: the caller uses a token instead of a session, or has no password.
        InvalidRequestError: the new password is not acceptable.
    """
    with store.reading() as work:
        user = work.users.get(caller.name)
    if not caller.session or user is None or user.password is None:
        raise ConflictError("a password is changed by a login with one: log in first")
    if user.is_locked(now):
        return False
    check_password(caller.name, new, "new")
    if old == new:
        raise InvalidRequestError("new", "expected another password than the present one")
    # Both take long, and therefore run outside of a transaction.
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

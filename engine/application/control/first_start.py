"""The first start: creates an administrator with a token."""

from __future__ import annotations

from engine.application.control.caller import SYSTEM
from engine.application.control.manage_tokens import NewToken, new_token
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import ConflictError
from engine.domain.control.role import Role
from engine.domain.control.token import TokenKind
from engine.domain.control.user import User
from engine.domain.time_units import NS_PER_DAY

ADMIN = "admin"
DAYS = 30


def first_start(work: UnitOfWork, now: int) -> NewToken | None:
    """Create the user "admin" with a token; None if there are users already."""
    if work.users.all():
        return None
    try:
        work.users.add(User(ADMIN, Role.ADMIN, None, now))
    except ConflictError:
        # Another server on this database started at the same time.
        return None
    made = new_token(ADMIN, "first", TokenKind.API, Role.ADMIN, now, now + DAYS * NS_PER_DAY)
    work.tokens.add(made.token)
    record(work, SYSTEM, now, "user.add", ADMIN, None, {"role": Role.ADMIN, "disabled": False})
    record(work, SYSTEM, now, "token.make", made.token.id, None, {"user": ADMIN, "name": "first"})
    return made

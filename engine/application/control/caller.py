"""The caller of a use case."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.control.role import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        name: of the user.
        role: the lesser of the user's and the token's.
        address: from where.
        token: id of the API token that was shown; "" for a session, or the server itself.
        expires: when that token does, ns since 1970; None for a session.
        session: id of the session; "" for a token.
    """

    name: str
    role: Role
    address: str
    token: str = ""
    expires: int | None = None
    session: str = ""


SYSTEM = Caller("system", Role.ADMIN, "local")
"""The server itself."""

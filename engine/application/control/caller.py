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
        token: id of the token that was shown; "" if the server itself asks.
        expires: when an API token that was shown does, ns since 1970; None for a login.
    """

    name: str
    role: Role
    address: str
    token: str = ""
    expires: int | None = None


SYSTEM = Caller("system", Role.ADMIN, "local")
"""The server itself."""

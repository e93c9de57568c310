"""The caller of a use case."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.domain.control.role import Grants, Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        name: of the user.
        role: that holds everywhere, the lesser of the user's and the token's.
        address: from where.
        token: id of the API token that was shown; "" for a session, or the server itself.
        expires: when that token does, ns since 1970; None for a session.
        session: id of the session; "" for a token.
        grants: the pipelines on which they may do more.
    """

    name: str
    role: Role
    address: str
    token: str = ""
    expires: int | None = None
    session: str = ""
    grants: Grants = field(default_factory=dict)

    def role_on(self, pipeline: str) -> Role:
        """Return what they may do on a pipeline."""
        return self.role.at_least(self.grants.get(pipeline, self.role))

    @property
    def highest(self) -> Role:
        """The highest role that they have on any pipeline."""
        return max((self.role, *self.grants.values()), key=lambda role: role.rank)


SYSTEM = Caller("system", Role.ADMIN, "local")
"""The server itself."""

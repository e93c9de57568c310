"""The caller of a use case."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.domain.control.role import Grants, Role


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller of a use case.

    Attributes:
        name: the name of the user.
        role: the role on all pipelines, the lower of the user's and the token's.
        address: the client address.
        token: the id of the API token; "" for a session, or the server itself.
        expires: when the token expires, ns since 1970; None for a session.
        session: the id of the session; "" for a token.
        grants: the higher roles on single pipelines.
    """

    name: str
    role: Role
    address: str
    token: str = ""
    expires: int | None = None
    session: str = ""
    grants: Grants = field(default_factory=dict)

    def role_on(self, pipeline: str) -> Role:
        """Return the role of the caller on a pipeline."""
        return self.role.at_least(self.grants.get(pipeline, self.role))

    @property
    def highest(self) -> Role:
        """The highest role of the caller on any pipeline."""
        return max((self.role, *self.grants.values()), key=lambda role: role.rank)


SYSTEM = Caller("system", Role.ADMIN, "local")
"""The server itself."""

"""The settings of logging in by OpenID Connect: a file of its own, read as pipeline files are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.application.config.url import is_loopback
from engine.domain.control.role import Role


def _address(text: str) -> str:
    """Return a URL without the slash at its end."""
    parts = urlsplit(text)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("expected a URL with https: tokens would cross the network in the clear")
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("expected a URL such as https://id.example/realms/plant")
    return text.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
Values = Annotated[list[str], Field(min_length=1)]


class RolesOfClaim(BaseModel):
    """Which values of a claim give which role; the highest that fits counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: str = "groups"
    """Of the ID token, or of the user information: a text or a list of texts."""
    viewer: Values | None = None
    """Values that give the role; "*" is everybody who can log in there."""
    operator: Values | None = None
    editor: Values | None = None
    admin: Values | None = None

    def role_of(self, claims: Mapping[str, Any]) -> Role | None:
        """Return the role of a user; None if they may not log in here."""
        found = claims.get(self.claim, [])
        values = {found} if isinstance(found, str) else {str(one) for one in found or ()}
        for role in reversed(Role):
            wanted = getattr(self, role.value) or ()
            if "*" in wanted or values & set(wanted):
                return role
        return None


class OidcSettings(BaseModel):
    """An identity provider, and what its users may do here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Address
    """Its issuer identifier; /.well-known/openid-configuration is read below it."""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: str | None = None
    """${NAME} or ${file:/path}; None for a public client."""
    url: Address
    """Where browsers reach this server."""
    scopes: list[str] = ["openid", "profile", "email"]
    name: str = "preferred_username"
    """Claim that becomes the name of the user."""
    roles: RolesOfClaim

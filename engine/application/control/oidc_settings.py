"""The settings of logging in by OpenID Connect: a file of its own, read as pipeline files are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.application.config.url import is_loopback
from engine.domain.control.role import Grants, Role


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
        return _highest(self, self.values_of(claims))

    def values_of(self, claims: Mapping[str, Any]) -> set[str]:
        """Return the values of the claim."""
        found = claims.get(self.claim, [])
        return {found} if isinstance(found, str) else {str(one) for one in found or ()}


class GrantsOfClaim(BaseModel):
    """Which values of the claim give more on one pipeline; the highest that fits counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    viewer: Values | None = None
    operator: Values | None = None
    editor: Values | None = None


def _highest(given: BaseModel, values: set[str]) -> Role | None:
    """Return the highest role that a value gives."""
    for role in reversed(Role):
        wanted = getattr(given, role.value, None) or ()
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
    grants: dict[str, GrantsOfClaim] | None = None
    """By pipeline; None leaves the grants of users as they are set here."""

    def grants_of(self, claims: Mapping[str, Any]) -> Grants | None:
        """Return what a user may do on single pipelines; None where the provider does not say."""
        if self.grants is None:
            return None
        values = self.roles.values_of(claims)
        found = {name: _highest(given, values) for name, given in self.grants.items()}
        return {name: role for name, role in found.items() if role is not None}

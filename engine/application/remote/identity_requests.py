"""Requests of the client about users and tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast
from urllib.parse import quote

from engine.application.remote.asking import Asking
from engine.application.remote.documents import NewToken, Token, User


class IdentityRequests(Asking):
    """What the client asks about users and tokens."""

    def users(self) -> list[User]:
        """Return all users by name."""
        return cast("list[User]", self.ask("GET", "/users")["items"])

    def user(self, name: str) -> User:
        """Return a user."""
        return cast("User", self.ask("GET", _user(name)))

    def add_user(
        self,
        name: str,
        role: str,
        password: str | None = None,
        grants: Mapping[str, str] | None = None,
    ) -> User:
        """Add a user.

        Args:
            name: of the user.
            role: on all pipelines: none, viewer, operator, editor or admin.
            password: to log in with; without one the user has tokens alone.
            grants: higher roles on single pipelines.

        Raises:
            RemoteError: 409 if there is a user of that name, 422 if the password is too weak.
        """
        body = {"name": name, "role": role, "password": password, "grants": dict(grants or {})}
        return cast("User", self.ask("POST", "/users", body))

    def change_user(
        self,
        name: str,
        *,
        role: str | None = None,
        disabled: bool | None = None,
        password: str | None = None,
        grants: Mapping[str, str] | None = None,
        revision: int | None = None,
    ) -> User:
        """Change a user; what is not given stays as it is.

        Args:
            name: of the user.
            role: on all pipelines.
            disabled: whether the user is kept out; that ends all sessions and tokens.
            password: a new one, which ends all sessions.
            grants: roles on single pipelines, instead of all earlier ones.
            revision: that was read; None whatever there is.

        Raises:
            RemoteError: 409 if nobody would manage users then, 412 if the user has changed.
        """
        body = {
            "role": role,
            "disabled": disabled,
            "password": password,
            "grants": None if grants is None else dict(grants),
        }
        given = {field: value for field, value in body.items() if value is not None}
        return cast("User", self.change("PATCH", _user(name), given, revision))

    def tokens(self, user: str | None = None) -> list[Token]:
        """Return your tokens, or those of a user, the newest first."""
        params = {} if user is None else {"user": user}
        return cast("list[Token]", self.ask("GET", "/tokens", params=params)["items"])

    def make_token(self, name: str, role: str | None = None, days: int | None = None) -> NewToken:
        """Make a token of your own, whose secret the reply alone has.

        Args:
            name: what it is for.
            role: the highest that it allows; your own unless given.
            days: until it expires; 90, or those left of the token in use, unless given.
        """
        body = {"name": name, "role": role, "days": days}
        return cast("NewToken", self.ask("POST", "/tokens", body))

    def revoke_token(self, token_id: str) -> None:
        """Revoke a token: yours, or anybody's if you manage users."""
        self.ask("DELETE", f"/tokens/{quote(token_id, safe='')}")


def _user(name: str) -> str:
    return f"/users/{quote(name, safe='')}"

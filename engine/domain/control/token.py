"""Tokens: what programs show instead of a password, and what keeps a session alive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from engine.domain.control.role import Role

PREFIX = "pyn"
"""Prefix of every token, by which secret scanners recognise it."""
FORM = re.compile(rf"{PREFIX}_([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})")


class TokenKind(StrEnum):
    """How a token came to be."""

    API = "api"
    """Made for a program."""
    REFRESH = "refresh"
    """Of a session: it gives access tokens, once."""


@dataclass(frozen=True, slots=True)
class Token:
    """What the store knows of a token; the secret in it is not kept.

    Attributes:
        id: part of the token that is not a secret.
        user: name of its owner.
        name: what it is for.
        kind: what it is accepted for.
        digest: SHA-256 of its secret, as hex digits; 256 random bits need no slow hash.
        role: it allows no more, whatever the owner may do.
        created, expires: ns since 1970.
        revoked: when it was taken back, or used; None while it was not.
        session: that a refresh token keeps alive.
    """

    id: str
    user: str
    name: str
    kind: TokenKind
    digest: str
    role: Role
    created: int
    expires: int
    revoked: int | None = None
    session: str | None = None

    def accepts(self, secret: str, now: int) -> bool:
        """Return whether a secret is its own, and it is in force."""
        return self.is_of(secret) and self.revoked is None and now < self.expires

    def is_of(self, secret: str) -> bool:
        """Return whether a secret is its own."""
        return compare_digest(digest_of(secret), self.digest)


def digest_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return sha256(secret.encode()).hexdigest()


def written(token_id: str, secret: str) -> str:
    """Return a token as it is shown once."""
    return f"{PREFIX}_{token_id}_{secret}"


def parts_of(text: str) -> tuple[str, str] | None:
    """Return id and secret of a token as it was shown; None if it is none."""
    found = FORM.fullmatch(text)
    return None if found is None else (found[1], found[2])

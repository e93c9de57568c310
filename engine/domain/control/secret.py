"""Secrets that the server has to read again: signing keys, and what makes one-time codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it is stored.

    Attributes:
        name: such as "signing/4f2a".
        sealed: the secret, encrypted.
        created: ns since 1970.
    """

    name: str
    sealed: str
    created: int

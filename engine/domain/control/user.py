"""Users: names, passwords, and what too many wrong passwords lead to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from engine.domain.control.errors import InvalidRequestError
from engine.domain.control.role import Grants, Role
from engine.domain.time_units import NS_PER_HOUR

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
LEAST_CHARACTERS, MOST_CHARACTERS = 12, 128
LEAST_DISTINCT = 5
FREE_FAILURES = 5
"""Wrong passwords in a row that do not lock a user."""
FIRST_LOCK_NS = 60 * 10**9
LONGEST_LOCK_NS = NS_PER_HOUR


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in.

    Attributes:
        name: unique.
        role: what they may do everywhere.
        password: its hash; None for users that have tokens alone.
        disabled: whether nothing of theirs is accepted.
        failures: wrong passwords since the last right one.
        locked_until: passwords are not looked at before, ns since 1970.
        created: ns since 1970.
        revision: counts changes that people made, from 1.
        subject: issuer and subject of an identity provider whose user it is; None for ours.
        grants: the pipelines on which they may do more.
    """

    name: str
    role: Role
    password: str | None
    created: int
    disabled: bool = False
    failures: int = 0
    locked_until: int = 0
    revision: int = 1
    subject: str | None = None
    grants: Grants = field(default_factory=dict)

    def is_locked(self, now: int) -> bool:
        """Return whether passwords are not looked at now."""
        return now < self.locked_until

    def failed(self, now: int) -> User:
        """Return the user after a wrong password: beyond the free ones, each locks for longer."""
        failures = self.failures + 1
        locked = 0
        if failures >= FREE_FAILURES:
            doubled = FIRST_LOCK_NS << min(failures - FREE_FAILURES, 10)
            locked = now + min(doubled, LONGEST_LOCK_NS)
        return replace(self, failures=failures, locked_until=locked)

    def succeeded(self) -> User:
        """Return the user after a right password."""
        return replace(self, failures=0, locked_until=0)


def check_grants(grants: Grants) -> None:
    """Check what a user may do on single pipelines.

    Raises:
        InvalidRequestError: it cannot be granted.
    """
    if any(role in (Role.NONE, Role.ADMIN) for role in grants.values()):
        raise InvalidRequestError(
            "grants", "expected viewer, operator or editor: an admin is one of all pipelines"
        )


def check_name(name: str) -> None:
    """Check the name of a new user.

    Raises:
        InvalidRequestError: it cannot be one.
    """
    if NAME.fullmatch(name) is None:
        raise InvalidRequestError(
            "name", "expected 1 to 64 of a-z, 0-9 and . _ @ -, beginning with a letter or digit"
        )


def check_password(name: str, password: str, field: str = "password") -> None:
    """Check a new password of a user, which is given in a field of a request.

    Raises:
        InvalidRequestError: it is too easy to guess.
    """
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        wanted = f"expected {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters"
        raise InvalidRequestError(field, wanted)
    if name in password.lower():
        raise InvalidRequestError(field, "expected one without the user's name")
    if len(set(password)) < LEAST_DISTINCT:
        wanted = f"expected at least {LEAST_DISTINCT} different characters"
        raise InvalidRequestError(field, wanted)

"""The ports of who may do what, and who did: users, tokens, sessions, secrets, the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from engine.domain.control.audit import AuditEntry, AuditRecord
from engine.domain.control.secret import Secret
from engine.domain.control.session import Session
from engine.domain.control.token import Token
from engine.domain.control.user import User


class UserRepository(Protocol):
    """The users."""

    def get(self, name: str) -> User | None:
        """Return the user of a name; within a writing unit of work nobody else changes it."""
        ...

    def of_subject(self, subject: str) -> User | None:
        """Return the user of an identity provider's subject."""
        ...

    def all(self) -> list[User]:
        """Return all by name."""
        ...

    def add(self, user: User) -> None:
        """Store a new one.

        Raises:
            ConflictError: the name is taken.
        """
        ...

    def save(self, user: User) -> None:
        """Store a changed one."""
        ...


class TokenRepository(Protocol):
    """The tokens."""

    def get(self, token_id: str) -> Token | None:
        """Return the token of an id."""
        ...

    def with_owner(self, token_id: str) -> tuple[Token, User] | None:
        """Return the token of an id, and whose it is."""
        ...

    def of(self, user: str) -> list[Token]:
        """Return those of a user, the newest first."""
        ...

    def add(self, token: Token) -> None:
        """Store a new one."""
        ...

    def save(self, token: Token) -> None:
        """Store a changed one."""
        ...

    def prune(self, before: int) -> int:
        """Remove those that expired before; return how many went."""
        ...


class SessionRepository(Protocol):
    """The sessions."""

    def get(self, session_id: str) -> Session | None:
        """Return the session of an id; within a writing unit of work nobody else changes it."""
        ...

    def of(self, user: str) -> list[Session]:
        """Return those of a user, the newest first."""
        ...

    def add(self, session: Session) -> None:
        """Store a new one."""
        ...

    def save(self, session: Session) -> None:
        """Store a changed one."""
        ...

    def end_all(self, user: str, now: int) -> None:
        """End those of a user."""
        ...

    def prune(self, before: int) -> int:
        """Remove those that expired before; return how many went."""
        ...


class SecretRepository(Protocol):
    """Secrets, encrypted."""

    def get(self, name: str) -> Secret | None:
        """Return the secret of a name."""
        ...

    def all(self, prefix: str) -> list[Secret]:
        """Return secrets by a prefix of their names, the oldest first."""
        ...

    def put(self, secret: Secret) -> None:
        """Store one, in place of the one of this name."""
        ...

    def remove(self, name: str) -> None:
        """Remove one."""
        ...

    def prune(self, prefix: str, before: int) -> int:
        """Remove older secrets by a prefix of their names; return their number."""
        ...


class AuditRepository(Protocol):
    """The audit log: it can be read and added to, and nothing else."""

    def append(self, entry: AuditEntry) -> AuditRecord:
        """Store an entry behind the last one, which stays the last one until then."""
        ...

    def before(self, number: int | None, limit: int) -> list[AuditRecord]:
        """Return the records before a number, or the last ones; the newest first."""
        ...

    def of(self, subject: str, limit: int) -> list[AuditRecord]:
        """Return the last records of a subject, the newest first."""
        ...

    def all(self) -> Iterator[AuditRecord]:
        """Yield all records in their order."""
        ...

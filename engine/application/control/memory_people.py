"""Users, tokens, sessions, secrets and the audit log of the store in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.domain.control.audit import AuditEntry, AuditRecord, chained
from engine.domain.control.errors import ConflictError
from engine.domain.control.secret import Secret
from engine.domain.control.session import Session
from engine.domain.control.token import Token
from engine.domain.control.user import User


class MemoryUsers:
    """The users."""

    def __init__(self, kept: dict[str, User]) -> None:
        self._all = kept

    def get(self, name: str) -> User | None:
        """Return the user of a name; within a writing unit of work nobody else changes it."""
        return self._all.get(name)

    def of_subject(self, subject: str) -> User | None:
        """Return the user of an identity provider's subject."""
        return next((user for user in self._all.values() if user.subject == subject), None)

    def all(self) -> list[User]:
        """Return all by name."""
        return sorted(self._all.values(), key=lambda user: user.name)

    def add(self, user: User) -> None:
        """Store a new one.

        Raises:
            ConflictError: the name is taken.
        """
        if user.name in self._all:
            raise ConflictError(f'there is a user "{user.name}" already')
        self._all[user.name] = user

    def save(self, user: User) -> None:
        """Store a changed one."""
        self._all[user.name] = user


class MemoryTokens:
    """The tokens."""

    def __init__(self, kept: dict[str, Token], users: dict[str, User]) -> None:
        self._all = kept
        self._users = users

    def with_owner(self, token_id: str) -> tuple[Token, User] | None:
        """Return the token of an id, and whose it is."""
        token = self._all.get(token_id)
        user = None if token is None else self._users.get(token.user)
        return None if token is None or user is None else (token, user)

    def get(self, token_id: str) -> Token | None:
        """Return the token of an id."""
        return self._all.get(token_id)

    def of(self, user: str) -> list[Token]:
        """Return those of a user, the newest first."""
        found = [token for token in self._all.values() if token.user == user]
        return sorted(found, key=lambda token: (-token.created, token.id))

    def add(self, token: Token) -> None:
        """Store a new one."""
        self._all[token.id] = token

    def save(self, token: Token) -> None:
        """Store a changed one."""
        self._all[token.id] = token

    def prune(self, before: int) -> int:
        """Remove those that expired before; return how many went."""
        old = [token.id for token in self._all.values() if token.expires < before]
        for gone in old:
            del self._all[gone]
        return len(old)


class MemorySessions:
    """The sessions."""

    def __init__(self, kept: dict[str, Session]) -> None:
        self._all = kept

    def get(self, session_id: str) -> Session | None:
        """Return the session of an id; within a writing unit of work nobody else changes it."""
        return self._all.get(session_id)

    def of(self, user: str) -> list[Session]:
        """Return those of a user, the newest first."""
        found = [session for session in self._all.values() if session.user == user]
        return sorted(found, key=lambda session: (-session.created, session.id))

    def add(self, session: Session) -> None:
        """Store a new one."""
        self._all[session.id] = session

    def save(self, session: Session) -> None:
        """Store a changed one."""
        self._all[session.id] = session

    def end_all(self, user: str, now: int) -> None:
        """End those of a user."""
        for session in self.of(user):
            if session.ended is None:
                self.save(replace(session, ended=now))

    def prune(self, before: int) -> int:
        """Remove those that expired before; return how many went."""
        old = [session.id for session in self._all.values() if session.expires < before]
        for gone in old:
            del self._all[gone]
        return len(old)


class MemorySecrets:
    """The secrets."""

    def __init__(self, kept: dict[str, Secret]) -> None:
        self._all = kept

    def get(self, name: str) -> Secret | None:
        """Return the secret of a name."""
        return self._all.get(name)

    def all(self, prefix: str) -> list[Secret]:
        """Return secrets by a prefix of their names, the oldest first."""
        found = [one for name, one in self._all.items() if name.startswith(prefix)]
        return sorted(found, key=lambda one: (one.created, one.name))

    def put(self, secret: Secret) -> None:
        """Store one, in place of the one of this name."""
        self._all[secret.name] = secret

    def remove(self, name: str) -> None:
        """Remove one."""
        self._all.pop(name, None)

    def prune(self, prefix: str, before: int) -> int:
        """Remove older secrets by a prefix of their names; return their number."""
        old = [one.name for one in self.all(prefix) if one.created < before]
        for gone in old:
            del self._all[gone]
        return len(old)


class MemoryAudit:
    """The audit log."""

    def __init__(self, kept: list[AuditRecord]) -> None:
        self._all = kept

    def append(self, entry: AuditEntry) -> AuditRecord:
        """Store an entry behind the last one, which stays the last one until then."""
        self._all.append(chained(entry, self._all[-1] if self._all else None))
        return self._all[-1]

    def before(self, number: int | None, limit: int) -> list[AuditRecord]:
        """Return the records before a number, or the last ones; the newest first."""
        found = [one for one in self._all if number is None or one.number < number]
        return found[::-1][:limit]

    def of(self, subject: str, limit: int) -> list[AuditRecord]:
        """Return the last records of a subject, the newest first."""
        return [one for one in self._all[::-1] if one.entry.subject == subject][:limit]

    def all(self) -> Iterator[AuditRecord]:
        """Yield all records in their order."""
        return iter(self._all)

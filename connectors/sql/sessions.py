"""Sessions and secrets in SQL."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select, update

from connectors.sql.tables import secrets, sessions
from engine.domain.control.secret import Secret
from engine.domain.control.session import Session


class SqlSessions:
    """The repository of sessions.

    Args:
        connection: to the database.
        locking: whether what is read is about to be changed.
    """

    def __init__(self, connection: Connection, *, locking: bool) -> None:
        self._connection = connection
        self._locking = locking

    def get(self, session_id: str) -> Session | None:
        """Return the session of an id; within a writing unit of work nobody else changes it."""
        query = select(sessions).where(sessions.c.id == session_id)
        found = self._connection.execute(query.with_for_update() if self._locking else query)
        row = found.first()
        return None if row is None else Session(**row._mapping)

    def of(self, user: str) -> list[Session]:
        """Return those of a user, the newest first."""
        query = select(sessions).where(sessions.c.user == user)
        query = query.order_by(sessions.c.created.desc(), sessions.c.id)
        return [Session(**row._mapping) for row in self._connection.execute(query)]

    def add(self, session: Session) -> None:
        """Store a new one."""
        self._connection.execute(insert(sessions).values(asdict(session)))

    def save(self, session: Session) -> None:
        """Store a changed one."""
        same = sessions.c.id == session.id
        self._connection.execute(update(sessions).where(same).values(asdict(session)))

    def end_all(self, user: str, now: int) -> None:
        """End those of a user."""
        theirs = (sessions.c.user == user) & sessions.c.ended.is_(None)
        self._connection.execute(update(sessions).where(theirs).values(ended=now))

    def prune(self, before: int) -> int:
        """Remove those that expired before; return how many went."""
        old = sessions.c.expires < before
        return self._connection.execute(delete(sessions).where(old)).rowcount


class SqlSecrets:
    """The repository of encrypted secrets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> Secret | None:
        """Return the secret of a name."""
        row = self._connection.execute(select(secrets).where(secrets.c.name == name)).first()
        return None if row is None else Secret(**row._mapping)

    def all(self, prefix: str) -> list[Secret]:
        """Return secrets by a prefix of their names, the oldest first."""
        begins = secrets.c.name.startswith(prefix, autoescape=True)
        query = select(secrets).where(begins).order_by(secrets.c.created, secrets.c.name)
        return [Secret(**row._mapping) for row in self._connection.execute(query)]

    def put(self, secret: Secret) -> None:
        """Store one, in place of the one of this name."""
        self.remove(secret.name)
        self._connection.execute(insert(secrets).values(asdict(secret)))

    def remove(self, name: str) -> None:
        """Remove one."""
        self._connection.execute(delete(secrets).where(secrets.c.name == name))

    def prune(self, prefix: str, before: int) -> int:
        """Remove older secrets by a prefix of their names; return their number."""
        old = secrets.c.name.startswith(prefix, autoescape=True) & (secrets.c.created < before)
        return self._connection.execute(delete(secrets).where(old)).rowcount

"""Users and tokens in SQL."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from connectors.sql.rows import insert_new
from connectors.sql.tables import tokens, users
from engine.domain.control.errors import ConflictError
from engine.domain.control.role import Role
from engine.domain.control.token import Token, TokenKind
from engine.domain.control.user import User


class SqlUsers:
    """The repository of users.

    Args:
        connection: to the database.
        locking: whether what is read is about to be changed.
    """

    def __init__(self, connection: Connection, *, locking: bool) -> None:
        self._connection = connection
        self._locking = locking

    def get(self, name: str) -> User | None:
        """Return the user of a name; within a writing unit of work nobody else changes it."""
        query = select(users).where(users.c.name == name)
        found = self._connection.execute(query.with_for_update() if self._locking else query)
        row = found.first()
        return None if row is None else _user(row)

    def of_subject(self, subject: str) -> User | None:
        """Return the user of an identity provider's subject."""
        row = self._connection.execute(select(users).where(users.c.subject == subject)).first()
        return None if row is None else _user(row)

    def all(self) -> list[User]:
        """Return all by name."""
        query = select(users).order_by(users.c.name)
        rows = self._connection.execute(query.with_for_update() if self._locking else query)
        return [_user(row) for row in rows]

    def add(self, user: User) -> None:
        """Store a new one.

        Raises:
            ConflictError: the name is taken.
        """
        if not insert_new(self._connection, users, [_user_row(user)]):
            raise ConflictError(f'there is a user "{user.name}" already')

    def save(self, user: User) -> None:
        """Store a changed one."""
        same = users.c.name == user.name
        self._connection.execute(update(users).where(same).values(_user_row(user)))


class SqlTokens:
    """The repository of tokens."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, token_id: str) -> Token | None:
        """Return the token of an id."""
        row = self._connection.execute(select(tokens).where(tokens.c.id == token_id)).first()
        return None if row is None else _token(row)

    def of(self, user: str) -> list[Token]:
        """Return those of a user, the newest first."""
        query = select(tokens).where(tokens.c.user == user)
        query = query.order_by(tokens.c.created.desc(), tokens.c.id)
        return [_token(row) for row in self._connection.execute(query)]

    def add(self, token: Token) -> None:
        """Store a new one."""
        self._connection.execute(insert(tokens).values(_token_row(token)))

    def save(self, token: Token) -> None:
        """Store a changed one."""
        same = tokens.c.id == token.id
        self._connection.execute(update(tokens).where(same).values(_token_row(token)))

    def prune(self, before: int) -> int:
        """Remove those that expired before; return how many went."""
        return self._connection.execute(delete(tokens).where(tokens.c.expires < before)).rowcount


def _user(row: Row[Any]) -> User:
    grants = {pipeline: Role(role) for pipeline, role in json.loads(row.grants).items()}
    return User(**{**row._mapping, "role": Role(row.role), "grants": grants})


def _user_row(user: User) -> dict[str, Any]:
    grants = json.dumps(dict(user.grants), sort_keys=True)
    return {**asdict(user), "role": user.role.value, "grants": grants}


def _token(row: Row[Any]) -> Token:
    return Token(**{**row._mapping, "kind": TokenKind(row.kind), "role": Role(row.role)})


def _token_row(token: Token) -> dict[str, Any]:
    return {**asdict(token), "kind": token.kind.value, "role": token.role.value}

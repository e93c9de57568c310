"""Users and tokens in SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

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
        return None if row is None else _user(row._mapping)

    def of_subject(self, subject: str) -> User | None:
        """Return the user of an identity provider's subject."""
        row = self._connection.execute(select(users).where(users.c.subject == subject)).first()
        return None if row is None else _user(row._mapping)

    def all(self) -> list[User]:
        """Return all by name."""
        query = select(users).order_by(users.c.name)
        rows = self._connection.execute(query.with_for_update() if self._locking else query)
        return [_user(row._mapping) for row in rows]

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


_WITH_OWNER = (
    select(tokens, users)
    .join(users, users.c.name == tokens.c.user)
    .where(tokens.c.id == bindparam("wanted"))
)
"""Executed with each request: building it again would take as long as the answer."""


class SqlTokens:
    """The repository of tokens."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, token_id: str) -> Token | None:
        """Return the token of an id."""
        row = self._connection.execute(select(tokens).where(tokens.c.id == token_id)).first()
        return None if row is None else _token(row._mapping)

    def with_owner(self, token_id: str) -> tuple[Token, User] | None:
        """Return the token of an id, and whose it is."""
        row = self._connection.execute(_WITH_OWNER, {"wanted": token_id}).first()
        if row is None:
            return None
        width = len(tokens.c)
        token = dict(zip(tokens.c.keys(), row[:width], strict=True))
        user = dict(zip(users.c.keys(), row[width:], strict=True))
        return _token(token), _user(user)

    def of(self, user: str) -> list[Token]:
        """Return those of a user, the newest first."""
        query = select(tokens).where(tokens.c.user == user)
        query = query.order_by(tokens.c.created.desc(), tokens.c.id)
        return [_token(row._mapping) for row in self._connection.execute(query)]

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


def _user(row: Mapping[Any, Any]) -> User:
    grants = {pipeline: Role(role) for pipeline, role in json.loads(row["grants"]).items()}
    return User(**{**row, "role": Role(row["role"]), "grants": grants})


def _user_row(user: User) -> dict[str, Any]:
    grants = json.dumps(dict(user.grants), sort_keys=True)
    return {**asdict(user), "role": user.role.value, "grants": grants}


def _token(row: Mapping[Any, Any]) -> Token:
    return Token(**{**row, "kind": TokenKind(row["kind"]), "role": Role(row["role"])})


def _token_row(token: Token) -> dict[str, Any]:
    return {**asdict(token), "kind": token.kind.value, "role": token.role.value}

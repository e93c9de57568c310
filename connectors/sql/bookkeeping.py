"""Replies to repeated requests, and positions of followed sources, in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, delete, select, update

from connectors.sql.rows import insert_into, insert_new
from connectors.sql.tables import positions as position_table
from connectors.sql.tables import replies
from engine.domain.control.errors import ConflictError
from engine.domain.control.reply import Reply


class SqlReplies:
    """The repository of replies."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, user: str, key: str) -> Reply | None:
        """Return the reply to a user's request with this key."""
        same = (replies.c.user == user) & (replies.c.key == key)
        row = self._connection.execute(select(replies).where(same)).first()
        return None if row is None else Reply(**{**row._mapping, "body": row.body.encode()})

    def add(self, reply: Reply) -> None:
        """Store a reply.

        Raises:
            ConflictError: another request with this key was faster.
        """
        row = {**asdict(reply), "body": reply.body.decode()}
        if not insert_new(self._connection, replies, [row]):
            raise ConflictError("a request with this Idempotency-Key is at work: send it again")

    def prune(self, before: int) -> int:
        """Remove those that were made before; return how many went."""
        return self._connection.execute(delete(replies).where(replies.c.created < before)).rowcount


class SqlPositions:
    """The repository of positions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, source: str) -> Mapping[str, int]:
        """Return the position of each partition of a source."""
        rows = self._connection.execute(
            select(position_table).where(position_table.c.source == source)
        )
        return {row.partition: row.position for row in rows}

    def put(self, source: str, positions: Mapping[str, int]) -> None:
        """Store positions by partition."""
        made = insert_into(self._connection, position_table)
        made = made.on_conflict_do_update(
            index_elements=list(position_table.primary_key),
            set_={"position": made.excluded.position},
        )
        rows = [
            {"source": source, "partition": partition, "position": position}
            for partition, position in positions.items()
        ]
        if rows:
            self._connection.execute(made, rows)

    def replace(self, source: str, partition: str, before: int | None, after: int) -> bool:
        """Store a position if the stored one is as before, None for none; return whether."""
        if before is None:
            row = {"source": source, "partition": partition, "position": after}
            return bool(insert_new(self._connection, position_table, [row]))
        columns = position_table.c
        same = (columns.source == source) & (columns.partition == partition)
        changed = update(position_table).where(same, columns.position == before)
        return self._connection.execute(changed.values(position=after)).rowcount == 1

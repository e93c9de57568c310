"""Sums over spans of time in SQL, such as lanes and series: joined with what is stored, pruned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, select, tuple_

from connectors.sql.rows import execute_many, values_of
from engine.domain.control.spans import Sum


def join(connection: Connection, made: Any, merged: Mapping[str, Any], sums: Sequence[Sum]) -> None:
    """Store sums; one whose key is stored already is merged with it.

    Args:
        connection: to the database.
        made: the insert, of `insert_into`.
        merged: each column of two merged sums, from `made.excluded` and the table's own.
        sums: in the order of their keys.
    """
    keys = list(made.table.primary_key)
    made = made.on_conflict_do_update(index_elements=keys, set_=dict(merged))
    # Row by row: a statement with many rows takes longer to compose than to execute.
    execute_many(connection, made, [values_of(one) for one in sums])


def prune(connection: Connection, table: Table, step: int, before: int, at_most: int) -> int:
    """Remove earlier sums of a step, up to a limit; return their number."""
    keys = list(table.primary_key)
    ended = (table.c.step == step) & (table.c.begin <= before - step)
    old = select(*keys).where(ended).limit(at_most)
    return connection.execute(delete(table).where(tuple_(*keys).in_(old))).rowcount

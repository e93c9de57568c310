"""Datasets in SQL."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from connectors.sql.rows import insert_new
from connectors.sql.tables import datasets as table
from engine.domain.control.dataset import Dataset
from engine.domain.control.errors import StaleError


class SqlDatasets:
    """The repository of datasets.

    Args:
        connection: of the unit of work.
        locking: whether what is read stays as it is until the end of the unit of work.
    """

    def __init__(self, connection: Connection, *, locking: bool) -> None:
        self._connection = connection
        self._locking = locking

    def all(self) -> list[Dataset]:
        """Return all by name."""
        found = map(_dataset, self._connection.execute(select(table)))
        return sorted(found, key=lambda one: one.name)

    def get(self, name: str) -> Dataset | None:
        """Return the dataset of a name; within a writing unit of work nobody else changes it."""
        query = select(table).where(table.c.name == name)
        row = self._connection.execute(query.with_for_update() if self._locking else query).first()
        return None if row is None else _dataset(row)

    def put(self, dataset: Dataset) -> None:
        """Store one, in place of the one of its name.

        Raises:
            StaleError: another caller has stored a dataset of this name.
        """
        row = asdict(dataset)
        if dataset.revision > 1:
            self._connection.execute(update(table).where(table.c.name == dataset.name), row)
        elif not insert_new(self._connection, table, [row]):
            raise StaleError("the dataset was changed meanwhile: read it again")

    def remove(self, name: str) -> None:
        """Remove one."""
        self._connection.execute(delete(table).where(table.c.name == name))


def _dataset(row: Row[Any]) -> Dataset:
    return Dataset(**row._mapping)

"""Versions of pipelines in SQL."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from connectors.sql.rows import insert_new
from connectors.sql.tables import pipeline_versions as table
from engine.domain.control.errors import StaleError
from engine.domain.control.pipeline_version import PipelineVersion


class SqlPipelines:
    """The repository of pipelines."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def newest(self) -> list[PipelineVersion]:
        """Return the newest version of each pipeline, by name."""
        last = select(table.c.name, func.max(table.c.number).label("number"))
        ends = last.group_by(table.c.name).subquery()
        same = (table.c.name == ends.c.name) & (table.c.number == ends.c.number)
        query = select(table).join(ends, same).order_by(table.c.name)
        return sorted(map(_version, self._connection.execute(query)), key=lambda one: one.name)

    def get(self, name: str, number: int | None) -> PipelineVersion | None:
        """Return a version, the newest for None."""
        query = select(table).where(table.c.name == name).order_by(table.c.number.desc()).limit(1)
        if number is not None:
            query = query.where(table.c.number == number)
        row = self._connection.execute(query).first()
        return None if row is None else _version(row)

    def versions(self, name: str) -> list[PipelineVersion]:
        """Return all versions of a pipeline, the newest first."""
        query = select(table).where(table.c.name == name).order_by(table.c.number.desc())
        return list(map(_version, self._connection.execute(query)))

    def add(self, version: PipelineVersion) -> None:
        """Store a version.

        Raises:
            StaleError: there is one of this number.
        """
        if not insert_new(self._connection, table, [asdict(version)]):
            raise StaleError("the pipeline was changed meanwhile: read it again")

    def remove(self, name: str) -> None:
        """Remove all versions of a pipeline."""
        self._connection.execute(delete(table).where(table.c.name == name))


def _version(row: Row[Any]) -> PipelineVersion:
    return PipelineVersion(**row._mapping)

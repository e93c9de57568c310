"""The audit log in SQL; triggers of the migration refuse to change or remove a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text

from connectors.sql.tables import audit as table
from engine.domain.control.audit import AuditEntry, AuditRecord, chained

LOCK = 7_225_083_664
"""Of PostgreSQL's advisory locks: held while a transaction adds to the chain, which has one end."""
BATCH = 1_000
ENTRY = tuple(AuditEntry.__slots__)


class SqlAudit:
    """The repository of audit records."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, entry: AuditEntry) -> AuditRecord:
        """Store an entry behind the last one, which stays the last one until then."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        last = self.before(None, 1)
        record = chained(entry, last[0] if last else None)
        row = {"number": record.number, "previous": record.previous, "digest": record.digest}
        self._connection.execute(insert(table).values({**asdict(entry), **row}))
        return record

    def before(self, number: int | None, limit: int) -> list[AuditRecord]:
        """Return the records before a number, or the last ones; the newest first."""
        query = select(table).order_by(table.c.number.desc()).limit(limit)
        if number is not None:
            query = query.where(table.c.number < number)
        return [_record(row) for row in self._connection.execute(query)]

    def of(self, subject: str, limit: int) -> list[AuditRecord]:
        """Return the last records of a subject, the newest first."""
        query = select(table).where(table.c.subject == subject)
        rows = self._connection.execute(query.order_by(table.c.number.desc()).limit(limit))
        return [_record(row) for row in rows]

    def all(self) -> Iterator[AuditRecord]:
        """Yield all records in their order."""
        last: int | None = None
        while True:
            query = select(table).order_by(table.c.number).limit(BATCH)
            if last is not None:
                query = query.where(table.c.number > last)
            rows = self._connection.execute(query).all()
            yield from map(_record, rows)
            if len(rows) < BATCH:
                return
            last = rows[-1].number


def _record(row: Row[Any]) -> AuditRecord:
    entry = AuditEntry(**{name: row._mapping[name] for name in ENTRY})
    return AuditRecord(row.number, entry, row.previous, row.digest)

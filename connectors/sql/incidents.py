"""Incidents and comments in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from functools import partial
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    Connection,
    Row,
    delete,
    insert,
    select,
    update,
)

from connectors.sql.incident_queries import leading, list_query, page_query
from connectors.sql.rows import (
    BATCH,
    ROW,
    Values,
    asked,
    execute_many,
    fetched,
    insert_new,
    page,
)
from connectors.sql.tables import comments
from connectors.sql.tables import incidents as table
from engine.domain.alert_policy import Severity
from engine.domain.control.errors import StaleError
from engine.domain.control.incident import Comment, Facts, Incident, Status
from engine.domain.control.listed_incident import ListedIncident
from engine.domain.control.page import IncidentFilter, Page, Position
from engine.domain.control.stored_document import StoredDocument

# By their texts: calling an enumeration takes several times as long.
SEVERITIES = {one.value: one for one in Severity}
STATUSES = {one.value: one for one in Status}


class SqlIncidents:
    """The repository of incidents.

    Args:
        connection: to the database.
        locking: whether what is read is about to be changed.
    """

    def __init__(self, connection: Connection, *, locking: bool) -> None:
        self._connection = connection
        self._rows = partial(fetched, connection)
        self._is_sqlite = connection.dialect.name == "sqlite"
        self._locking = locking

    def get(self, ids: Collection[str]) -> dict[str, Incident]:
        """Return those of these ids; within a writing unit of work nobody else changes them."""
        wanted = sorted(ids)
        found: dict[str, Incident] = {}
        for begin in range(0, len(wanted), BATCH):
            # Sorted, so that two transactions lock rows in the same order.
            query = select(table).where(table.c.id.in_(wanted[begin : begin + BATCH]))
            query = query.order_by(table.c.id)
            if self._locking:
                query = query.with_for_update()
            found.update((row.id, _value(row)) for row in self._connection.execute(query))
        return found

    def add(self, incidents: Sequence[Incident]) -> Collection[str]:
        """Store those whose ids are new; return these ids."""
        rows = list(map(row_of, incidents))
        if self._is_sqlite:
            # One transaction writes at a time, so what was new to it is new.
            execute_many(self._connection, insert(table), rows)
            return {incident.id for incident in incidents}
        # Sorted, so that two transactions wait for each other's rows in the same order.
        rows.sort(key=itemgetter("id"))
        return {row[0] for row in insert_new(self._connection, table, rows)}

    def save(self, incidents: Sequence[Incident]) -> None:
        """Store changed ones.

        Raises:
            StaleError: the stored one is not of the revision before.
        """
        for incident in incidents:
            before = incident.revision - 1
            same = (table.c.id == incident.id) & (table.c.revision == before)
            done = self._connection.execute(update(table).where(same).values(row_of(incident)))
            if not done.rowcount:
                raise StaleError("the incident was changed since you read it: read it again")

    def find(self, wanted: IncidentFilter, behind: Position | None, limit: int) -> Page[Incident]:
        """Return a page of them by the time they began and id, the newest first."""
        shape, given = asked(wanted, behind)
        statement = page_query(shape, leading(wanted))
        return page(self._rows, statement, given, behind, limit, _value, _position)

    def listed(
        self, wanted: IncidentFilter, behind: Position | None, limit: int
    ) -> Page[ListedIncident]:
        """Return a page as `find` does, for those who show it alone."""
        shape, given = asked(wanted, behind)
        rows = self._joined_rows if self._is_sqlite else self._rows
        statement = list_query(shape, leading(wanted), joined=self._is_sqlite)
        return page(rows, statement, given, behind, limit, _row_of_list, _place)

    def _joined_rows(self, statement: Any, given: Values) -> list[Sequence[Any]]:
        [(facts, records)] = self._rows(statement, given)
        if records is None:
            return []
        return [
            [*row, record or None]
            for row, record in zip(orjson.loads(facts), records.split(ROW), strict=True)
        ]

    def add_comment(self, comment: Comment) -> None:
        """Store a comment."""
        self._connection.execute(insert(comments).values(asdict(comment)))

    def comments(self, incident_id: str) -> list[Comment]:
        """Return the comments on an incident, the oldest first."""
        query = select(comments).where(comments.c.incident == incident_id)
        rows = self._connection.execute(query.order_by(comments.c.time, comments.c.id))
        return [Comment(**row._mapping) for row in rows]

    def prune(self, before: int, at_most: int) -> int:
        """Remove those whose latest anomaly is older, with their comments; return how many."""
        old = select(table.c.id).where(table.c.last < before).limit(at_most)
        ids = list(self._connection.execute(old).scalars())
        for begin in range(0, len(ids), BATCH):
            some = ids[begin : begin + BATCH]
            self._connection.execute(delete(comments).where(comments.c.incident.in_(some)))
            self._connection.execute(delete(table).where(table.c.id.in_(some)))
        return len(ids)


def row_of(incident: Incident) -> Values:
    """Return the columns of an incident."""
    facts = incident.facts
    fields = {name: getattr(facts, name) for name in Facts.__slots__}
    document: Any = facts.document
    if isinstance(document, StoredDocument):
        document = document.text
    elif document is not None:
        document = orjson.dumps(document).decode()
    return fields | {
        "id": incident.id,
        "severity": facts.severity.value,
        "document": document,
        "status": incident.status.value,
        "assignee": incident.assignee,
        "revision": incident.revision,
    }


def _value(row: Row[Any]) -> Incident:
    # By their order: a list has many rows, and finding columns by name takes most of its time.
    columns = tuple(row)
    key, pipeline, entity, began, last, severity, count, summary, closed, changed = columns[:10]
    document, status, assignee, revision, story = columns[10:]
    published = None if document is None else StoredDocument(document)
    facts = Facts(
        pipeline,
        entity,
        began,
        last,
        SEVERITIES[severity],
        count,
        summary,
        bool(closed),
        changed,
        published,
        story,
    )
    return Incident(key, facts, STATUSES[status], assignee, revision)


def _row_of_list(row: Sequence[Any]) -> ListedIncident:
    return ListedIncident._make(row)


def _place(incident: ListedIncident) -> Position:
    return Position(incident.began, incident.id)


def _position(incident: Incident) -> Position:
    return Position(incident.facts.began, incident.id)

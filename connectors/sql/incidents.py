"""Incidents and comments in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    CompoundSelect,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from connectors.sql.rows import (
    BATCH,
    STATEMENTS,
    Asked,
    Beside,
    Values,
    asked,
    execute_many,
    fetched,
    insert_new,
    page,
    paged,
)
from connectors.sql.tables import comments
from connectors.sql.tables import incidents as table
from engine.domain.alert_policy import Severity
from engine.domain.control.errors import StaleError
from engine.domain.control.incident import Comment, Facts, Incident, Status
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
        if self._connection.dialect.name == "sqlite":
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
        statement = _statement(shape, tuple(_leading(wanted)))
        return page(self._rows, statement, given, behind, limit, _value, _position)

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


# Composing a statement takes longer than finding a page.
@lru_cache(STATEMENTS)
def _statement(shape: Asked, lead: tuple[str, ...]) -> Select[Any] | CompoundSelect[Any]:
    """Return the query of a page."""
    keys = table.c.began, table.c.id
    rows = shape.rows(table, table.c.began, lead)
    if shape.is_collapsed:
        rows = rows.where(~exists(_earlier(shape)))
    return paged([rows], keys, is_behind=shape.is_behind)


def _earlier(shape: Asked) -> Select[Any]:
    """Return the query of incidents that are meant and began earlier in the story of a row."""
    other = table.alias("earlier")
    began, key = other.c.began, other.c.id
    earlier = or_(began < table.c.began, and_(began == table.c.began, key < table.c.id))
    # The second comparison is what an index can be read up to.
    query = select(key).where(other.c.story == table.c.story, began <= table.c.began, earlier)
    meant = [
        Beside(other.c[name]) == bindparam(name, type_=other.c[name].type)
        for name in shape.columns
        if name != "story"
    ]
    if shape.since:
        meant.append(began >= bindparam("since"))
    return query.where(*meant).correlate(table)


def _leading(wanted: IncidentFilter) -> list[str]:
    """Return what few incidents have in common, the fewest first: most are resolved and closed."""
    few = ["story", "entity", "assignee"]
    few += ["status"] if wanted.status is not Status.RESOLVED else []
    few += ["closed"] if wanted.closed is False else []
    return [*few, "pipeline", "status", "closed"]


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


def _position(incident: Incident) -> Position:
    return Position(incident.facts.began, incident.id)

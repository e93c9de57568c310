"""The queries of the pages of incidents."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, Select, and_, bindparam, exists, func, or_, select

from connectors.sql.rows import ROW, STATEMENTS, Asked, Beside, paged
from connectors.sql.tables import incidents as table
from engine.domain.control.incident import Status
from engine.domain.control.listed_incident import ListedIncident
from engine.domain.control.page import IncidentFilter

COLUMNS = {"anomalies": "count", "record": "document"}
"""Of what lists show, those of another name."""


# Composing a statement takes longer than finding a page.
@lru_cache(STATEMENTS)
def page_query(shape: Asked, lead: tuple[str, ...]) -> Select[Any] | CompoundSelect[Any]:
    """Return the query of a page."""
    keys = table.c.began, table.c.id
    rows = shape.rows(table, table.c.began, lead)
    if shape.is_collapsed:
        rows = rows.where(~exists(_earlier(shape)))
    return paged([rows], keys, is_behind=shape.is_behind)


@lru_cache(STATEMENTS)
def list_query(shape: Asked, lead: tuple[str, ...], *, joined: bool) -> Select[Any]:
    """Return the query of a page of what lists show.

    Args:
        shape, lead: as of `page_query`.
        joined: whether it is one row of two texts: all facts as JSON, and all records. For each row
            that the driver of SQLite returns, another thread may get its turn, for 1 ms.
    """
    rows = page_query(shape, lead).subquery()
    *facts, record = (rows.c[COLUMNS.get(name, name)] for name in ListedIncident._fields)
    if not joined:
        keys = rows.c.began.desc(), rows.c.id.desc()
        return select(*facts, record).order_by(*keys)
    # SQLite keeps the order of a subquery that has a limit.
    return select(
        func.json_group_array(func.json_array(*facts)),
        func.group_concat(func.coalesce(record, ""), ROW),
    )


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


def leading(wanted: IncidentFilter) -> tuple[str, ...]:
    """Return what few incidents have in common, the fewest first: most are resolved and closed."""
    few = ["story", "entity", "assignee"]
    few += ["status"] if wanted.status is not Status.RESOLVED else []
    few += ["closed"] if wanted.closed is False else []
    return (*few, "pipeline", "status", "closed")

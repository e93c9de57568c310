"""Anomalies: listed, looked up, exported."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from engine.application.control.caller import Caller
from engine.application.control.find_anomalies import find_anomalies, find_documents, get_anomaly
from engine.application.control.permissions import pipeline_to_list
from engine.domain.alert_policy import Severity
from engine.domain.control.page import AnomalyFilter, Position
from engine.domain.control.stored_anomaly import StoredAnomaly
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.list_route import ListRoute
from engine.presentation.api.parquet import parquet_of
from engine.presentation.api.requests import (
    Cursor,
    Limit,
    Since,
    Text,
    Until,
    Wanted,
    ns_of,
    page_reply,
    position_of,
    written,
)
from engine.presentation.api.services import Services, WithServices

router = APIRouter(tags=["anomalies"])
EXPORT_PAGE = 500
COLUMNS = (
    "id",
    "pipeline",
    "entity",
    "time",
    "severity",
    "kind",
    "score",
    "p_value",
    "incident",
    "summary",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that begin a formula in spreadsheets."""


class Anomalies(BaseModel):
    """A page of anomalies, the newest first, each as it was published: anomaly.schema.json."""

    items: list[dict[str, Any]]
    next: str | None
    """Cursor of the next page; null at the end."""


class AnomaliesWanted(BaseModel):
    """Which anomalies are meant."""

    pipeline: Wanted = None
    entity: Wanted = None
    incident: Wanted = None
    kind: Wanted = None
    severity: Severity | None = None
    since: Since = None
    until: Until = None

    def filter(self) -> AnomalyFilter:
        """Return the filter."""
        span = ns_of(self.since), ns_of(self.until)
        return AnomalyFilter(
            self.pipeline, self.entity, self.incident, self.kind, self.severity, *span
        )


class AnomalyQuery(AnomaliesWanted):
    """Which anomalies to list."""

    cursor: Cursor = None
    limit: Limit = 50


class AnomalyExport(AnomaliesWanted):
    """Which anomalies to export."""

    format: Literal["ndjson", "csv", "parquet"] = "ndjson"


def list_anomalies(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    query: Annotated[AnomalyQuery, Query()],
) -> Response:
    """List anomalies, the newest first."""
    behind = position_of(query.cursor)
    with services.store.reading() as work:
        page = find_documents(work, caller, query.filter(), behind, query.limit)
    following = written(page.next)
    # As stored: parsing and serialising 50 documents would take longer than finding them.
    body = f'{{"items":[{",".join(page.items)}],"next":{orjson.dumps(following).decode()}}}'
    return page_reply(request, body.encode(), following)


router.add_api_route(
    "/anomalies", list_anomalies, response_model=Anomalies, route_class_override=ListRoute
)


@router.get("/anomalies/export", response_class=StreamingResponse)
def export_anomalies(
    services: WithServices,
    caller: WithCaller,
    query: Annotated[AnomalyExport, Query()],
) -> StreamingResponse:
    """Export all matching anomalies, the newest first."""
    pipeline_to_list(caller, query.pipeline)
    found = _all(services, caller, query.filter())
    if query.format == "csv":
        return StreamingResponse(_csv(found), media_type="text/csv")
    if query.format == "parquet":
        return StreamingResponse(parquet_of(found), media_type="application/vnd.apache.parquet")
    lines = (orjson.dumps(one.document) + b"\n" for one in found)
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.get("/anomalies/{anomaly_id}")
def read_anomaly(services: WithServices, caller: WithCaller, anomaly_id: Text) -> dict[str, Any]:
    """Return an anomaly as it was published."""
    with services.store.reading() as work:
        return dict(get_anomaly(work, caller, anomaly_id).document)


def _all(services: Services, caller: Caller, wanted: AnomalyFilter) -> Iterator[StoredAnomaly]:
    """Yield all matches a page at a time, so that no transaction lasts as long as the export."""
    behind: Position | None = None
    while True:
        with services.store.reading() as work:
            page = find_anomalies(work, caller, wanted, behind, EXPORT_PAGE)
        yield from page.items
        behind = page.next
        if behind is None:
            return


def _csv(found: Iterator[StoredAnomaly]) -> Iterator[str]:
    yield _row(COLUMNS)
    for one in found:
        yield _row(tuple(one.document.get(name, "") for name in COLUMNS))


def _row(cells: tuple[object, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_harmless(cell) for cell in cells])
    return line.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell

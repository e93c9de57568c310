"""Anomalies: listed, looked up, exported."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from engine.application.control.find_anomalies import find_anomalies, find_documents, get_anomaly
from engine.application.control.permissions import pipeline_to_list
from engine.domain.alert_policy import Severity
from engine.domain.control.page import AnomalyFilter
from engine.domain.control.stored_anomaly import StoredAnomaly
from engine.presentation.api.bodies import QueryFields
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.exports import Export, ExportFormat, all_of
from engine.presentation.api.page_route import FoundPage, PageRoute, WithReading
from engine.presentation.api.parquet import ColumnType
from engine.presentation.api.requests import (
    Cursor,
    Limit,
    Since,
    Text,
    Until,
    Wanted,
    bounds_of,
    position_of,
    written,
)
from engine.presentation.api.services import WithServices

router = APIRouter(tags=["anomalies"], route_class=EndpointRoute)
COLUMNS = {
    "id": ColumnType.TEXT,
    "pipeline": ColumnType.TEXT,
    "entity": ColumnType.TEXT,
    "time": ColumnType.TIME,
    "severity": ColumnType.TEXT,
    "kind": ColumnType.TEXT,
    "score": ColumnType.NUMBER,
    "p_value": ColumnType.NUMBER,
    "incident": ColumnType.TEXT,
    "summary": ColumnType.TEXT,
}


class Anomalies(BaseModel):
    """A page of anomalies, the newest first, each as it was published: anomaly.schema.json."""

    items: list[dict[str, Any]]
    next: str | None
    """Cursor of the next page; null at the end."""


class AnomaliesWanted(QueryFields):
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
        span = bounds_of(self.since, self.until)
        return AnomalyFilter(
            self.pipeline, self.entity, self.incident, self.kind, self.severity, *span
        )


class AnomalyQuery(AnomaliesWanted):
    """Which anomalies to list."""

    cursor: Cursor = None
    limit: Limit = 50


class AnomalyExport(AnomaliesWanted):
    """Which anomalies to export."""

    format: ExportFormat = "ndjson"


def list_anomalies(
    work: WithReading, caller: WithCaller, query: Annotated[AnomalyQuery, Query()]
) -> FoundPage:
    """List anomalies, the newest first."""
    behind = position_of(query.cursor)
    page = find_documents(work, caller, query.filter(), behind, query.limit)
    following = written(page.next)
    # As stored: parsing and serialising 50 documents would take longer than finding them.
    body = f'{{"items":[{",".join(page.items)}],"next":{orjson.dumps(following).decode()}}}'
    return FoundPage(body.encode(), following)


router.add_api_route(
    "/anomalies", list_anomalies, response_model=Anomalies, route_class_override=PageRoute
)


@router.get("/anomalies/export", response_class=StreamingResponse)
def export_anomalies(
    services: WithServices,
    caller: WithCaller,
    query: Annotated[AnomalyExport, Query()],
) -> StreamingResponse:
    """Export all matching anomalies, the newest first."""
    pipeline_to_list(caller, query.pipeline)
    found = all_of(services, caller, find_anomalies, query.filter())
    return EXPORT.reply(found, query.format)


@router.get("/anomalies/{anomaly_id}")
def read_anomaly(services: WithServices, caller: WithCaller, anomaly_id: Text) -> dict[str, Any]:
    """Return an anomaly as it was published."""
    with services.store.reading() as work:
        return dict(get_anomaly(work, caller, anomaly_id).document)


def _document(one: StoredAnomaly) -> bytes:
    return orjson.dumps(one.document)


def _values(one: StoredAnomaly) -> dict[str, Any]:
    fields = {name: getattr(one, name) for name in StoredAnomaly.__slots__}
    return {**fields, "severity": one.severity.value}


EXPORT = Export(COLUMNS, _document, lambda one: one.document, _values)

"""Entities that had anomalies: searched, and as lanes by spans of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from engine.application.control.find_entities import (
    EntityFilter,
    find_entities,
    find_worst_entities,
)
from engine.application.control.find_lanes import LaneRequest, find_lanes
from engine.domain.alert_policy import Severity
from engine.domain.control.lane import RANKS, Lane, LaneCell, rarity_of
from engine.domain.control.page import Position
from engine.domain.time_units import NS_PER_SECOND
from engine.presentation.api.bodies import QueryFields
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.list_route import ListRoute
from engine.presentation.api.requests import (
    Cursor,
    Limit,
    PipelineName,
    Since,
    Text,
    Until,
    as_json,
    ns_of,
    page_reply,
    position_of,
    span_of,
    written,
)
from engine.presentation.api.services import WithServices
from engine.presentation.api.times import time_of

router = APIRouter(tags=["entities"], route_class=EndpointRoute)


class EntitySum(BaseModel):
    """An entity with totals of its anomalies."""

    entity: str
    anomalies: int
    severity: Severity
    """The highest severity."""
    rarity: float
    """Rarity of the rarest anomaly: 6 is one in a million."""
    last: datetime
    """The hour, or span, of the last anomaly."""


class EntitySums(BaseModel):
    """A page of entities."""

    items: list[EntitySum]
    next: str | None
    """Cursor of the next page; null at the end, and with the worst first."""


class CellOut(BaseModel):
    """The anomalies of an entity in a span of time."""

    begin: datetime
    anomalies: int
    severity: Severity
    rarity: float


class LaneOut(EntitySum):
    """An entity with its anomalies by spans of time; spans without any are left out."""

    cells: list[CellOut]


class LanesOut(BaseModel):
    """Lanes, the worst entity first."""

    since: datetime
    until: datetime
    step: int
    """Seconds of a span."""
    items: list[LaneOut]


class EntityQuery(QueryFields):
    """Which entities to list."""

    prefix: Annotated[Text, Query(max_length=1_000, description="How their keys begin.")] = ""
    since: Since = None
    order: Literal["name", "worst"] = "name"
    cursor: Cursor = None
    limit: Limit = 50


class LaneQuery(QueryFields):
    """Which lanes to return."""

    since: Since = None
    until: Until = None
    step: Annotated[int, Query(ge=300, le=31_536_000, description="Seconds of a span.")] = 3_600
    limit: Annotated[int, Query(ge=1, le=500, description="Entities.")] = 50


def list_entities(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    query: Annotated[EntityQuery, Query()],
    pipeline: PipelineName,
) -> Response:
    """List entities that had anomalies, by key, or by severity and number of their anomalies."""
    begin = ns_of(query.since)
    with services.store.reading() as work:
        if query.order == "worst":
            worst = find_worst_entities(work, caller, pipeline, begin, query.limit)
            return _page(request, worst, None)
        behind = position_of(query.cursor)
        wanted = EntityFilter(pipeline, query.prefix, begin)
        found, last = find_entities(work, caller, wanted, behind.id if behind else "", query.limit)
    return _page(request, found, None if last is None else written(Position(0, last)))


def read_lanes(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    query: Annotated[LaneQuery, Query()],
    pipeline: PipelineName,
) -> Response:
    """Return the anomalies of the worst entities by spans of time: of the last day unless given."""
    begin, end = span_of(request, services, query.since, query.until)
    wanted = LaneRequest(pipeline, begin, end, query.step * NS_PER_SECOND, query.limit)
    with services.store.reading() as work:
        found = find_lanes(work, caller, wanted)
    body = {
        "since": time_of(found.since),
        "until": time_of(end),
        "step": query.step,
        "items": [
            {**_sum(lane), "cells": list(map(_cell, found.cells[lane.entity]))}
            for lane in found.lanes
        ],
    }
    return Response(as_json(body), media_type="application/json")


for _path, _endpoint, _model in (
    ("entities", list_entities, EntitySums),
    ("lanes", read_lanes, LanesOut),
):
    router.add_api_route(
        f"/pipelines/{{pipeline}}/{_path}",
        _endpoint,
        response_model=_model,
        route_class_override=ListRoute,
    )


def _page(request: Request, lanes: Sequence[Lane], following: str | None) -> Response:
    items = list(map(_sum, lanes))
    return page_reply(request, as_json({"items": items, "next": following}), following)


def _sum(lane: Lane) -> dict[str, Any]:
    return {
        "entity": lane.entity,
        "anomalies": lane.count,
        "severity": RANKS[lane.severity],
        "rarity": rarity_of(lane.p_value),
        "last": time_of(lane.last),
    }


def _cell(cell: LaneCell) -> dict[str, Any]:
    return {
        "begin": time_of(cell.begin),
        "anomalies": cell.count,
        "severity": RANKS[cell.severity],
        "rarity": cell.rarity,
    }

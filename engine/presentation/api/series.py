"""Series: an entity's values over time with their expected range; entities close to alerting."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from engine.application.control.find_series import SeriesRequest, find_nearest, find_series
from engine.domain.control.series import EVENTS, Bucket
from engine.domain.time_units import NS_PER_SECOND
from engine.presentation.api.bodies import QueryFields
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.list_route import ListRoute
from engine.presentation.api.requests import (
    Limit,
    PipelineName,
    Since,
    Text,
    Until,
    as_json,
    ns_of,
    span_of,
)
from engine.presentation.api.services import WithServices
from engine.presentation.api.times import time_of

router = APIRouter(tags=["entities"], route_class=EndpointRoute)
NEAR_NS = 3_600 * NS_PER_SECOND


class PointOut(BaseModel):
    """The values of a span of time."""

    begin: datetime
    count: int
    min: float
    max: float
    mean: float
    low: float | None
    """The widest expected range; null if there was none."""
    high: float | None


class ValueOut(BaseModel):
    """A value of the entity; spans without any are left out."""

    name: str
    points: list[PointOut]


class RarityOut(BaseModel):
    """The events of a span of time."""

    begin: datetime
    events: int
    rarity: float
    """Rarity of the rarest event in powers of ten: 6 is one in a million; 0 during warm-up."""


class SeriesOut(BaseModel):
    """The values of an entity over time."""

    entity: str
    step: int
    """Seconds of a span."""
    values: list[ValueOut]
    events: list[RarityOut]


class NearOut(BaseModel):
    """An entity, and how close it was to alerting."""

    entity: str
    rarity: float


class NearestOut(BaseModel):
    """Entities, the rarest first."""

    items: list[NearOut]


class SeriesQuery(QueryFields):
    """Which series to return."""

    entity: Annotated[Text, Query(max_length=1_000)]
    since: Since = None
    until: Until = None
    step: Annotated[int, Query(ge=60, le=31_536_000, description="Seconds of a span.")] = 60


def read_series(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    query: Annotated[SeriesQuery, Query()],
    pipeline: PipelineName,
) -> Response:
    """Return the values of an entity by spans of time: of the last day unless given."""
    begin, end = span_of(request, services, query.since, query.until)
    wanted = SeriesRequest(pipeline, query.entity, begin, end, query.step * NS_PER_SECOND)
    with services.store.reading() as work:
        found = find_series(work, caller, wanted)
    names = dict.fromkeys(one.value for one in found if one.value != EVENTS)
    body = {
        "entity": query.entity,
        "step": query.step,
        "values": [
            {"name": name, "points": [_point(one) for one in found if one.value == name]}
            for name in names
        ],
        "events": [
            {"begin": time_of(one.begin), "events": one.count, "rarity": one.rarity}
            for one in found
            if one.value == EVENTS
        ],
    }
    return Response(as_json(body), media_type="application/json")


router.add_api_route(
    "/pipelines/{pipeline}/series",
    read_series,
    response_model=SeriesOut,
    route_class_override=ListRoute,
)


@router.get("/pipelines/{pipeline}/nearest")
def list_nearest(
    services: WithServices,
    caller: WithCaller,
    pipeline: PipelineName,
    since: Since = None,
    limit: Limit = 50,
) -> NearestOut:
    """List the entities with the rarest events, of the last hour unless given."""
    begin = ns_of(since)
    begin = services.now() - NEAR_NS if begin is None else begin
    with services.store.reading() as work:
        found = find_nearest(work, caller, pipeline, begin, limit)
    return NearestOut(items=[NearOut(entity=name, rarity=rarity) for name, rarity in found])


def _point(one: Bucket) -> dict[str, Any]:
    return {
        "begin": time_of(one.begin),
        "count": one.count,
        "min": one.least,
        "max": one.greatest,
        "mean": one.mean,
        "low": one.low,
        "high": one.high,
    }

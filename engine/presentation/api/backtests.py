"""Backtests: versions of pipelines run over past data, and compared."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from engine.application.control.cancel_backtest import cancel_backtest, require_to_cancel
from engine.application.control.compare_backtests import compare_backtests
from engine.application.control.find_backtests import (
    find_backtest_anomalies,
    find_backtests,
    get_backtest,
)
from engine.application.control.permissions import Action, require
from engine.application.control.start_backtest import start_backtest
from engine.application.control_ports import UnitOfWork
from engine.domain.control.backtest import Backtest, Stage
from engine.domain.control.page import Position
from engine.presentation.api.anomalies import Anomalies
from engine.presentation.api.bodies import Body
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.repeats import Result, once
from engine.presentation.api.requests import (
    Cursor,
    JsonObject,
    Key,
    Limit,
    PipelineName,
    Text,
    Wanted,
    page_reply,
    position_of,
    written,
)
from engine.presentation.api.services import WithServices
from engine.presentation.api.times import time_of

router = APIRouter(tags=["backtests"], route_class=EndpointRoute)
BacktestId = Annotated[Text, Path(max_length=100)]
SHOWN = 100
"""Anomalies shown of each side of a comparison."""


class BacktestIn(Body):
    """A backtest to run."""

    pipeline: PipelineName
    number: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    """Number of the version; null for the newest."""
    source: JsonObject
    """Where the data is: {"file": {"path": "readings.ndjson"}}, as in a pipeline file, or a period
    of the pipeline's own topic, {"period": {"since": "...", "until": "..."}}, or that of a dataset,
    {"dataset": "plant"}."""


class FoundOut(BaseModel):
    """What a backtest found."""

    anomalies: int
    incidents: int
    rejects: int


class BacktestOut(BaseModel):
    """A backtest."""

    id: str
    pipeline: str
    number: int
    digest: str
    source: dict[str, Any]
    author: str
    created: datetime
    stage: Stage
    started: datetime | None
    ended: datetime | None
    found: FoundOut | None
    """Null until the backtest is done."""
    error: str | None
    """Cause of the failure."""
    request: str
    """`X-Request-ID` of the request that asked for it; empty where there was none."""
    trace: str
    """Its trace; empty where the client sent no `traceparent`."""


class Backtests(BaseModel):
    """A page of backtests, the newest first."""

    items: list[BacktestOut]
    next: str | None


class ComparisonOut(BaseModel):
    """How the anomalies of two backtests differ, by entity and message."""

    both: int
    only_before: int
    only_after: int
    gone: list[dict[str, Any]]
    """The newest anomalies that only the earlier backtest found."""
    new: list[dict[str, Any]]
    """The newest anomalies that only the later backtest found."""


@router.post("/backtests", status_code=202, response_model=BacktestOut)
def add_backtest(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    body: BacktestIn,
    key: Key = None,
) -> Response:
    """Queue a backtest, which runs in its own processes."""

    def made(work: UnitOfWork) -> Result:
        now = services.now()
        found = start_backtest(work, caller, now, body.pipeline, body.number, body.source)
        return Result(202, _shown(found))

    reply = once(
        services,
        caller,
        request,
        key,
        body,
        made,
        lambda _: require(caller, Action.BACKTEST, body.pipeline),
    )
    reply.headers["Location"] = f"{request.url.path}/{orjson.loads(reply.body)['id']}"
    return reply


@router.get("/backtests", response_model=Backtests)
def list_backtests(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: Wanted = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """List backtests, the newest first."""
    with services.store.reading() as work:
        page = find_backtests(work, caller, pipeline, position_of(cursor), limit)
    following = written(page.next)
    shown = Backtests(items=list(map(_shown, page.items)), next=following)
    return page_reply(request, shown.model_dump_json().encode(), following)


@router.get("/backtests/{backtest_id}")
def read_backtest(
    services: WithServices, caller: WithCaller, backtest_id: BacktestId
) -> BacktestOut:
    """Return the progress and the results of a backtest."""
    with services.store.reading() as work:
        return _shown(get_backtest(work, caller, backtest_id))


@router.get("/backtests/{backtest_id}/anomalies", response_model=Anomalies)
def list_backtest_anomalies(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    backtest_id: BacktestId,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """List the anomalies that a backtest found, the newest first."""
    behind: Position | None = position_of(cursor)
    with services.store.reading() as work:
        page = find_backtest_anomalies(work, caller, backtest_id, behind, limit)
    following = written(page.next)
    shown = {"items": [one.document for one in page.items], "next": following}
    return page_reply(request, orjson.dumps(shown), following)


@router.get("/backtests/{backtest_id}/comparison")
def compare(
    services: WithServices,
    caller: WithCaller,
    backtest_id: BacktestId,
    before: Annotated[Text, Query(max_length=100, description="Id of the earlier backtest.")],
) -> ComparisonOut:
    """Compare a backtest with an earlier one over the same data."""
    with services.store.reading() as work:
        found = compare_backtests(work, caller, before, backtest_id)
    return ComparisonOut(
        both=found.both,
        only_before=len(found.only_before),
        only_after=len(found.only_after),
        gone=[dict(one.document) for one in found.only_before[:SHOWN]],
        new=[dict(one.document) for one in found.only_after[:SHOWN]],
    )


@router.post("/backtests/{backtest_id}/cancel", response_model=BacktestOut)
def cancel(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    backtest_id: BacktestId,
    key: Key = None,
) -> Response:
    """Cancel a backtest; a running one ends within about a second."""

    def made(work: UnitOfWork) -> Result:
        return Result(200, _shown(cancel_backtest(work, caller, services.now(), backtest_id)))

    return once(
        services,
        caller,
        request,
        key,
        None,
        made,
        lambda work: require_to_cancel(work, caller, backtest_id),
    )


def _shown(one: Backtest) -> BacktestOut:
    found = one.found
    return BacktestOut(
        id=one.id,
        pipeline=one.pipeline,
        number=one.number,
        digest=one.digest,
        source=json.loads(one.source),
        author=one.author,
        created=time_of(one.created),
        stage=one.stage,
        started=None if one.started is None else time_of(one.started),
        ended=None if one.ended is None else time_of(one.ended),
        found=None
        if found is None
        else FoundOut(anomalies=found.anomalies, incidents=found.incidents, rejects=found.rejects),
        error=one.error or None,
        request=one.request,
        trace=one.trace,
    )

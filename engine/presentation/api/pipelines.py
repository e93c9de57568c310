"""Pipelines: checked, stored in versions, compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from engine.application.control.caller import Caller
from engine.application.control.check_pipeline_text import check_pipeline_text
from engine.application.control.manage_pipelines import (
    compare_versions,
    find_pipelines,
    get_pipeline,
    get_versions,
    put_pipeline,
    remove_pipeline,
    roll_back_pipeline,
)
from engine.application.control.permissions import Action, require
from engine.application.control.run_pipelines import require_ended
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import StaleError
from engine.domain.control.pipeline_version import PipelineVersion
from engine.presentation.api.bodies import Body, Reason
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.repeats import Result, once
from engine.presentation.api.requests import IfMatch, Key, PipelineName, Text, etag_of, revision_of
from engine.presentation.api.services import WithServices
from engine.presentation.api.times import time_of

router = APIRouter(tags=["pipelines"], route_class=EndpointRoute)


class PipelineText(Body):
    """A pipeline file."""

    text: Annotated[Text, Field(max_length=500_000)]
    """The YAML."""


class PipelineIn(PipelineText):
    """A pipeline file to store."""

    reason: Annotated[Text, Field(max_length=1_000)] = ""


class Described(BaseModel):
    """A valid pipeline file."""

    name: str
    version: str
    """Digest of everything that determines scores and ids."""
    source: str
    values: Sequence[str]
    detectors: Sequence[str]
    combine: str
    alerts: str
    """The bound that its alert policy guarantees."""
    state: str
    sinks: Sequence[str]


class PipelineOut(BaseModel):
    """A version of a pipeline."""

    name: str
    number: int
    digest: str
    """SHA-256 of the text."""
    author: str
    created: datetime
    reason: str


class PipelineTextOut(PipelineOut):
    """A version of a pipeline, with its file."""

    text: str
    """The YAML."""


class Pipelines(BaseModel):
    """Versions of pipelines."""

    items: list[PipelineOut]


class Difference(BaseModel):
    """The difference between two versions."""

    diff: str
    """A unified diff."""


@router.post("/pipelines/validate")
def validate_pipeline(caller: WithCaller, body: PipelineText) -> Described:
    """Check a pipeline file, as `pynomaly validate` does; errors have line and pointer."""
    found = check_pipeline_text(caller, body.text)
    return Described(
        name=found.name,
        version=found.version,
        source=found.source,
        values=found.values,
        detectors=found.detectors,
        combine=found.combine,
        alerts=found.promise.known(),
        state=found.state,
        sinks=[f"{sink.name}: {sink.kind}" for sink in found.sinks],
    )


@router.get("/pipelines")
def list_pipelines(services: WithServices, caller: WithCaller) -> Pipelines:
    """List the newest version of each pipeline that is stored, by name."""
    with services.store.reading() as work:
        found = find_pipelines(work, caller)
    return Pipelines(items=list(map(_shown, found)))


@router.get("/pipelines/{pipeline}")
def read_pipeline(
    services: WithServices,
    caller: WithCaller,
    response: Response,
    pipeline: PipelineName,
    number: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> PipelineTextOut:
    """Return a version of a pipeline, the newest unless a number is given."""
    with services.store.reading() as work:
        found = get_pipeline(work, caller, pipeline, number)
    response.headers["ETag"] = etag_of(found.number)
    return _whole(found)


@router.get("/pipelines/{pipeline}/versions")
def list_versions(services: WithServices, caller: WithCaller, pipeline: PipelineName) -> Pipelines:
    """List all versions of a pipeline, the newest first."""
    with services.store.reading() as work:
        found = get_versions(work, caller, pipeline)
    return Pipelines(items=list(map(_shown, found)))


@router.get("/pipelines/{pipeline}/diff")
def diff_pipeline(
    services: WithServices,
    caller: WithCaller,
    pipeline: PipelineName,
    before: Annotated[int, Query(ge=1, lt=2**63)],
    after: Annotated[
        int | None, Query(ge=1, lt=2**63, description="The newest unless given.")
    ] = None,
) -> Difference:
    """Return the difference between two versions of a pipeline."""
    with services.store.reading() as work:
        return Difference(diff=compare_versions(work, caller, pipeline, before, after))


@router.put(
    "/pipelines/{pipeline}",
    response_model=PipelineTextOut,
    responses={201: {"model": PipelineTextOut}},
)
def store_pipeline(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: PipelineName,
    body: PipelineIn,
    if_match: IfMatch = None,
    key: Key = None,
) -> Response:
    """Store a pipeline; for another version, If-Match must name the newest."""

    def made(work: UnitOfWork) -> Result:
        before = work.pipelines.get(pipeline, None)
        known = 0 if if_match is None else revision_of(if_match)
        now = services.now()
        try:
            found = put_pipeline(work, caller, now, pipeline, body.text, known, body.reason)
        except StaleError:
            if if_match is None:
                # The error says what is missing, rather than what follows from it.
                revision_of(None)
            raise
        return Result(201 if before is None else 200, _whole(found), found.number)

    return once(services, caller, request, key, (body, if_match), made, _changes(caller, pipeline))


@router.post("/pipelines/{pipeline}/rollback", response_model=PipelineTextOut)
def roll_back(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: PipelineName,
    number: Annotated[int, Query(ge=1, lt=2**63)],
    body: Reason | None = None,
    if_match: IfMatch = None,
    key: Key = None,
) -> Response:
    """Store the text of an earlier version as the newest one."""
    known = revision_of(if_match)
    why = body.reason if body else ""

    def made(work: UnitOfWork) -> Result:
        found = roll_back_pipeline(work, caller, services.now(), pipeline, number, known, why)
        return Result(200, _whole(found), found.number)

    asked = number, if_match, why
    return once(services, caller, request, key, asked, made, _changes(caller, pipeline))


@router.delete("/pipelines/{pipeline}", status_code=204)
def delete_pipeline(
    services: WithServices, caller: WithCaller, pipeline: PipelineName, if_match: IfMatch = None
) -> None:
    """Remove a pipeline with all its versions; the audit log keeps their digests."""
    known = revision_of(if_match)
    with services.store.writing() as work:
        require_ended(work, services.runner, pipeline, services.now())
        remove_pipeline(work, caller, services.now(), pipeline, known)


def _changes(caller: Caller, pipeline: str) -> Callable[[UnitOfWork], None]:
    return lambda _work: require(caller, Action.CHANGE_PIPELINES, pipeline)


def _shown(version: PipelineVersion) -> PipelineOut:
    return PipelineOut(**_fields(version))


def _whole(version: PipelineVersion) -> PipelineTextOut:
    return PipelineTextOut(**_fields(version), text=version.text)


def _fields(version: PipelineVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "number": version.number,
        "digest": version.digest,
        "author": version.author,
        "created": time_of(version.created),
        "reason": version.reason,
    }

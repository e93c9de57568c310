"""Runs of pipelines: started, stopped, looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control.run_pipelines import (
    run_log,
    run_status,
    start_pipeline,
    stop_pipeline,
    take_over_pipeline,
)
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import ConflictError
from engine.domain.control.run import Run, RunState
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.repeats import Attempt, Result, once
from engine.presentation.api.requests import Key, PipelineName
from engine.presentation.api.services import Services, WithServices
from engine.presentation.api.times import time_of

router = APIRouter(tags=["runs"], route_class=EndpointRoute)
Number = Annotated[
    int | None, Query(ge=1, lt=2**63, description="Of the version; the newest unless given.")
]
RESTART_SECONDS = 30.0
LOOK_SECONDS = 0.2


class RunOut(BaseModel):
    """A run of a pipeline."""

    pipeline: str
    number: int
    """Number of the version."""
    digest: str
    state: RunState
    started: datetime
    process: int
    exit_code: int | None
    """Exit code; null while it runs, and if its end was not observed."""


class RunStatusOut(RunOut):
    """A run with its health."""

    ready: bool | None
    """Null if it does not run, or if its pages are off or behind a password."""
    reasons: list[str]
    """Reasons why it is not ready."""
    totals: Mapping[str, float]
    """Its counters, summed over their labels."""


class TakenOver(BaseModel):
    """A pipeline that was taken over."""

    pipeline: str
    server: str
    """Id of the server that had it."""
    last_heard: datetime
    """When that server was last heard of."""


class Log(BaseModel):
    """The end of a log."""

    lines: list[str]


@router.post("/pipelines/{pipeline}/start", response_model=RunOut)
def start(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: PipelineName,
    number: Number = None,
    key: Key = None,
) -> Response:
    """Start a stored pipeline in its own processes, which outlive the server."""
    made = _starts(services, caller, pipeline, number)
    return once(services, caller, request, key, number, made, _runs(caller, pipeline))


@router.post("/pipelines/{pipeline}/stop", response_model=RunOut)
def stop(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: PipelineName,
    drain: bool = True,
    key: Key = None,
) -> Response:
    """Stop a pipeline once everything it has read is stored; without `drain`, at once."""

    def made(work: UnitOfWork) -> Result:
        now, runner = services.now(), services.runner
        return Result(200, _shown(stop_pipeline(work, caller, now, runner, pipeline, drain=drain)))

    return once(services, caller, request, key, drain, made, _runs(caller, pipeline))


@router.post("/pipelines/{pipeline}/restart", response_model=RunOut)
def restart(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: PipelineName,
    number: Number = None,
    key: Key = None,
) -> Response:
    """Drain a pipeline, and run it again, or another version of it."""
    attempt = Attempt(services, caller, request, key, number, _runs(caller, pipeline))
    with services.restarts.of(pipeline):
        reply = attempt.repeated()
        if reply is None:
            _end(services, caller, pipeline)
            reply = attempt.once(_starts(services, caller, pipeline, number))
    return reply


@router.post("/pipelines/{pipeline}/take-over", response_model=TakenOver)
def take_over(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: PipelineName,
    key: Key = None,
) -> Response:
    """Take a pipeline from a server that is away, which stops its run once it is back."""

    def made(work: UnitOfWork) -> Result:
        found = take_over_pipeline(work, caller, services.now(), services.runner, pipeline)
        heard = time_of(found.last_heard)
        return Result(200, TakenOver(pipeline=pipeline, server=found.server, last_heard=heard))

    return once(services, caller, request, key, None, made, _runs(caller, pipeline))


def _starts(
    services: Services, caller: Caller, pipeline: str, number: int | None
) -> Callable[[UnitOfWork], Result]:
    """Return the change that starts a pipeline."""

    def made(work: UnitOfWork) -> Result:
        now, runner = services.now(), services.runner
        return Result(200, _shown(start_pipeline(work, caller, now, runner, pipeline, number)))

    return made


def _end(services: Services, caller: Caller, pipeline: str) -> None:
    """Drain a run outside of any transaction, because it takes a while."""
    with services.store.writing() as work:
        stop_pipeline(work, caller, services.now(), services.runner, pipeline, drain=True)
    until = time.monotonic() + RESTART_SECONDS
    while (run := services.runner.get(pipeline)) is not None and not run.is_over:
        if time.monotonic() >= until:
            raise ConflictError("the pipeline drains still: start it once it has ended")
        time.sleep(LOOK_SECONDS)


@router.get("/pipelines/{pipeline}/status")
def read_status(services: WithServices, caller: WithCaller, pipeline: PipelineName) -> RunStatusOut:
    """Return the status of the last run of a pipeline: its process, health page and metrics."""
    with services.store.reading() as work:
        found = run_status(work, caller, services.now(), services.runner, pipeline)
    health = found.health
    return RunStatusOut(
        **_fields(found.run),
        ready=None if health is None else health.ready,
        reasons=[] if health is None else list(health.reasons),
        totals={} if health is None else health.totals,
    )


@router.get("/pipelines/{pipeline}/log")
def read_log(
    services: WithServices,
    caller: WithCaller,
    pipeline: PipelineName,
    lines: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Log:
    """Return the end of the log of a pipeline's runs."""
    return Log(lines=run_log(caller, services.runner, pipeline, lines))


def _runs(caller: Caller, pipeline: str) -> Callable[[UnitOfWork], None]:
    return lambda _work: require(caller, Action.RUN_PIPELINES, pipeline)


def _shown(run: Run) -> RunOut:
    return RunOut(**_fields(run))


def _fields(run: Run) -> dict[str, Any]:
    return {
        "pipeline": run.pipeline,
        "number": run.number,
        "digest": run.digest,
        "state": run.state,
        "started": time_of(run.started),
        "process": run.process,
        "exit_code": run.exit_code,
    }

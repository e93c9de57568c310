"""The stored state of pipelines: inspected, exported, imported, reverted."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from pydantic import AwareDatetime, BaseModel, Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from engine.application.control.manage_state import (
    export_state_to,
    import_state_from,
    require_import,
    revert_state_to,
    see_state,
)
from engine.application.control.permissions import Action
from engine.presentation.api.bodies import Body
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.requests import PipelineName, Text
from engine.presentation.api.services import WithServices

router = APIRouter(tags=["state"], route_class=EndpointRoute)
GZIP = "application/gzip"
BINARY = {"schema": {"type": "string", "format": "binary"}}
ARCHIVE = {GZIP: BINARY}
UPLOADED = {GZIP: BINARY, "application/octet-stream": BINARY}
IMPORT_PATH = "/pipelines/{pipeline}/state/import"


class PartitionOut(BaseModel):
    """The newest checkpoint of a partition of the source."""

    partition: str
    position: Any
    checkpoint: int
    """Its number."""


class StateOut(BaseModel):
    """The stored state of a pipeline."""

    place: str
    partitions: list[PartitionOut]
    entities: int
    """Time of the last complete checkpoint."""
    split: int
    """Entities that occur in several partitions."""
    kept: list[datetime]
    """Times of earlier checkpoints that can be restored."""
    changes: list[str]
    """What the next run would keep and start afresh; empty if it keeps everything."""
    refusal: str | None
    """Reason why the next run would refuse the state."""


class ImportedOut(BaseModel):
    """What was imported."""

    bytes: int
    """Size of the state."""


class RevertIn(Body):
    """The checkpoint to restore."""

    to: AwareDatetime
    why: Annotated[Text, Field(max_length=1_000)] = ""


class RevertedPartition(BaseModel):
    """A partition that continues from an earlier checkpoint."""

    partition: str
    kept: datetime
    position: Any


class RevertedOut(BaseModel):
    """The checkpoints that were restored."""

    items: list[RevertedPartition]


@router.get("/pipelines/{pipeline}/state")
def read_state(services: WithServices, caller: WithCaller, pipeline: PipelineName) -> StateOut:
    """Return the stored state of a pipeline, as `pynomaly state inspect` does."""
    found = see_state(caller, services.pipeline(caller, pipeline, Action.RUN_PIPELINES))
    contents = found.contents
    tasks = {} if contents is None else contents.tasks
    return StateOut(
        place=found.place,
        partitions=[
            PartitionOut(partition=name, position=task.position, checkpoint=task.number)
            for name, task in sorted(tasks.items())
        ],
        entities=0 if contents is None else contents.entities,
        split=0 if contents is None else contents.split,
        kept=[] if contents is None else [each.moment for each in contents.kept],
        changes=list(found.changes),
        refusal=found.refusal or None,
    )


@router.get(
    "/pipelines/{pipeline}/state/export",
    response_class=FileResponse,
    responses={200: {"content": ARCHIVE}},
)
def export(services: WithServices, caller: WithCaller, pipeline: PipelineName) -> FileResponse:
    """Return the state of a stopped pipeline, as `pynomaly state export` does."""
    file = services.pipeline(caller, pipeline, Action.MANAGE_STATE)
    folder = TemporaryDirectory(prefix="pynomaly-state-")
    archive = Path(folder.name) / "state.tar.gz"
    try:
        export_state_to(services.store, caller, services.now(), file, archive)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        archive,
        media_type=GZIP,
        filename=f"{file.name}.tar.gz",
        background=BackgroundTask(folder.cleanup),
    )


# async, as it reads the request itself: an archive is larger than what fits into memory.
@router.post(
    IMPORT_PATH,
    openapi_extra={"requestBody": {"required": True, "content": UPLOADED}},
)
async def import_(
    services: WithServices, caller: WithCaller, request: Request, pipeline: PipelineName
) -> ImportedOut:
    """Restore the state of a pipeline that has none, as `pynomaly state import` does."""
    require_import(caller, pipeline)
    file = await run_in_threadpool(services.pipeline, caller, pipeline)
    with TemporaryDirectory(prefix="pynomaly-state-") as folder:
        archive = Path(folder) / "state.tar.gz"
        with archive.open("wb") as written:
            async for part in request.stream():
                await run_in_threadpool(written.write, part)
        size = await run_in_threadpool(
            import_state_from, services.store, caller, services.now(), file, archive
        )
    return ImportedOut(bytes=size)


@router.post("/pipelines/{pipeline}/state/revert")
def revert(
    services: WithServices, caller: WithCaller, pipeline: PipelineName, body: RevertIn
) -> RevertedOut:
    """Restore the newest checkpoint before a time; the pipeline must not run."""
    file = services.pipeline(caller, pipeline, Action.MANAGE_STATE)
    found = revert_state_to(services.store, caller, services.now(), file, body.to, body.why)
    return RevertedOut(
        items=[
            RevertedPartition(partition=each.task, kept=each.kept, position=each.position)
            for each in found
        ]
    )

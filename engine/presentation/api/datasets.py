"""Datasets: sources with a mapping, by name; sampled, and mappings suggested."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from engine.application.config.pipeline_file import NAME
from engine.application.control.manage_datasets import (
    find_datasets,
    get_dataset,
    put_dataset,
    remove_dataset,
)
from engine.application.control.permissions import Action, require
from engine.application.control.sample_dataset import sample_dataset, suggest_mapping
from engine.application.control_ports import UnitOfWork
from engine.application.use_cases.sample_source import MOST_SAMPLED, SourceSample
from engine.domain.control.dataset import Dataset
from engine.domain.control.errors import StaleError
from engine.presentation.api.bodies import Body
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.repeats import Result, once
from engine.presentation.api.requests import IfMatch, JsonObject, Key, etag_of, revision_of
from engine.presentation.api.services import WithServices
from engine.presentation.api.times import time_of

router = APIRouter(tags=["datasets"], route_class=EndpointRoute)
DatasetName = Annotated[str, Path(pattern=NAME, max_length=100)]
Messages = Annotated[int, Query(ge=1, le=MOST_SAMPLED, description="Messages of each partition.")]


class SourceIn(Body):
    """A source of data."""

    source: JsonObject
    """The source, as in a pipeline file."""


class DatasetIn(SourceIn):
    """A dataset to store."""

    event: JsonObject
    """The event mapping, as in a pipeline file."""


class DatasetOut(DatasetIn):
    """A dataset."""

    name: str
    author: str
    changed: datetime
    revision: int


class Datasets(BaseModel):
    """All datasets by name."""

    items: list[DatasetOut]


class EventOut(BaseModel):
    """An event."""

    entity: str
    time: datetime
    values: dict[str, float | None]


class RejectOut(BaseModel):
    """Why a message is not an event."""

    reason: str
    detail: str


class SampleOut(BaseModel):
    """The events and rejects that sampled messages become."""

    messages: int
    events: list[EventOut]
    rejects: list[RejectOut]


class SuggestionOut(BaseModel):
    """A mapping for a source, and what it makes of the messages that it was suggested from."""

    event: dict[str, Any]
    sample: SampleOut


@router.get("/datasets")
def list_datasets(services: WithServices, caller: WithCaller) -> Datasets:
    """List all datasets by name."""
    with services.store.reading() as work:
        return Datasets(items=list(map(_shown, find_datasets(work, caller))))


@router.post("/datasets/suggest")
def suggest(caller: WithCaller, body: SourceIn, messages: Messages = 100) -> SuggestionOut:
    """Suggest the event mapping of a source of JSON messages."""
    found = suggest_mapping(caller, body.source, messages)
    return SuggestionOut(event=dict(found.event), sample=_sample(found.sample))


@router.get("/datasets/{dataset}")
def read_dataset(
    services: WithServices, caller: WithCaller, response: Response, dataset: DatasetName
) -> DatasetOut:
    """Return a dataset."""
    with services.store.reading() as work:
        found = get_dataset(work, caller, dataset)
    response.headers["ETag"] = etag_of(found.revision)
    return _shown(found)


@router.put(
    "/datasets/{dataset}", response_model=DatasetOut, responses={201: {"model": DatasetOut}}
)
def store_dataset(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    dataset: DatasetName,
    body: DatasetIn,
    if_match: IfMatch = None,
    key: Key = None,
) -> Response:
    """Store a dataset; to change one, If-Match must name its revision."""

    def made(work: UnitOfWork) -> Result:
        known = 0 if if_match is None else revision_of(if_match)
        try:
            found = put_dataset(
                work, caller, services.now(), dataset, body.source, body.event, known
            )
        except StaleError:
            if if_match is None:
                revision_of(None)
            raise
        status = 201 if found.revision == 1 else 200
        return Result(status, _shown(found), found.revision)

    return once(
        services,
        caller,
        request,
        key,
        (body, if_match),
        made,
        lambda _: require(caller, Action.CHANGE_DATASETS),
    )


@router.delete("/datasets/{dataset}", status_code=204)
def delete_dataset(
    services: WithServices, caller: WithCaller, dataset: DatasetName, if_match: IfMatch = None
) -> None:
    """Remove a dataset."""
    known = revision_of(if_match)
    with services.store.writing() as work:
        remove_dataset(work, caller, services.now(), dataset, known)


@router.get("/datasets/{dataset}/sample")
def sample(
    services: WithServices, caller: WithCaller, dataset: DatasetName, messages: Messages = 20
) -> SampleOut:
    """Return the events and rejects of sampled messages: the newest of a topic, else the first."""
    return _sample(sample_dataset(services.store, caller, dataset, messages))


def _shown(one: Dataset) -> DatasetOut:
    return DatasetOut(
        name=one.name,
        source=json.loads(one.source),
        event=json.loads(one.event),
        author=one.author,
        changed=time_of(one.changed),
        revision=one.revision,
    )


def _sample(found: SourceSample) -> SampleOut:
    return SampleOut(
        messages=found.messages,
        events=[
            EventOut(entity=one.entity, time=time_of(one.time), values=dict(one.values))
            for one in found.events
        ],
        rejects=[RejectOut(reason=reason, detail=detail) for reason, detail in found.rejects],
    )

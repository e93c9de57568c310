"""Dead letters of pipelines: by reason, tried with another mapping, sent back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from engine.application.control.find_dead_letters import ReasonGroup, Sample, find_dead_letters
from engine.application.control.permissions import Action
from engine.application.control.redrive_dead_letters import redrive_dead_letters
from engine.application.control.try_dead_letters import TriedLetters, try_dead_letters
from engine.presentation.api.bodies import Body
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.requests import PipelineName, Text
from engine.presentation.api.services import WithServices
from engine.presentation.api.times import time_of

router = APIRouter(tags=["dead letters"], route_class=EndpointRoute)
Samples = Annotated[int, Query(ge=0, le=20, description="Samples of each reason.")]


class SampleOut(BaseModel):
    """A dead letter: letters are x, digits 0, names of JSON fields stay."""

    place: str
    """Topic, partition and offset of the message."""
    time: datetime
    detail: str
    message: str | None
    """Null for a message without payload."""


class DetailOut(BaseModel):
    """A reason in one sentence, and how often it occurs."""

    text: str
    count: int


class ReasonOut(BaseModel):
    """Dead letters of one reason."""

    reason: str
    count: int
    details: list[DetailOut]
    samples: list[SampleOut]


class DeadLettersOut(BaseModel):
    """Dead letters that were not sent back, by reason, the most frequent first."""

    where: str
    """The topic or file that holds them."""
    items: list[ReasonOut]
    complete: bool
    """False if there are more letters than one request examines."""


class TrialIn(Body):
    """A mapping to try."""

    text: Annotated[Text, Field(max_length=500_000)] | None = None
    """Text of another pipeline file; null for the current one."""


class TrialOut(BaseModel):
    """What becomes of dead letters."""

    accepted: int
    """Messages that become events."""
    passed_over: int
    """Messages that the mapping leaves out."""
    truncated: int
    """Letters that were truncated when they were stored, and therefore not tried."""
    refused: list[ReasonOut]
    """Letters that stay rejected, by reason."""
    complete: bool


class RedrivenOut(TrialOut):
    """The letters that were sent back."""

    topic: str
    sent: int
    """Number of letters sent to the topic."""


@router.get("/pipelines/{pipeline}/dead-letters")
def list_dead_letters(
    services: WithServices, caller: WithCaller, pipeline: PipelineName, samples: Samples = 3
) -> DeadLettersOut:
    """List the dead letters of a pipeline by reason, with masked samples."""
    found = find_dead_letters(caller, services.pipeline(caller, pipeline), samples)
    return DeadLettersOut(where=found.where, items=_groups(found.groups), complete=found.complete)


@router.post("/pipelines/{pipeline}/dead-letters/try")
def try_letters(
    services: WithServices,
    caller: WithCaller,
    pipeline: PipelineName,
    body: TrialIn,
    samples: Samples = 3,
) -> TrialOut:
    """Return how many dead letters become events with another pipeline file; nothing is sent."""
    file = services.pipeline(caller, pipeline, Action.CHECK_PIPELINES)
    return _trial(try_dead_letters(caller, file, body.text, samples))


@router.post("/pipelines/{pipeline}/dead-letters/redrive")
def redrive(
    services: WithServices, caller: WithCaller, pipeline: PipelineName, samples: Samples = 3
) -> RedrivenOut:
    """Send dead letters that become events back to the source, each once, however often called."""
    file = services.pipeline(caller, pipeline, Action.REDRIVE)
    found = redrive_dead_letters(services.store, caller, services.now(), file, samples)
    return RedrivenOut(topic=found.topic, sent=found.sent, **dict(_trial(found.trial)))


def _trial(found: TriedLetters) -> TrialOut:
    return TrialOut(
        accepted=found.accepted,
        passed_over=found.passed_over,
        truncated=found.truncated,
        refused=_groups(found.refused),
        complete=found.complete,
    )


def _groups(groups: Sequence[ReasonGroup]) -> list[ReasonOut]:
    return [
        ReasonOut(
            reason=group.reason,
            count=group.count,
            details=[DetailOut(text=text, count=count) for text, count in group.details],
            samples=list(map(_sample, group.samples)),
        )
        for group in groups
    ]


def _sample(one: Sample) -> SampleOut:
    return SampleOut(
        place=one.place, time=time_of(one.timestamp), detail=one.detail, message=one.message
    )

"""Live control of pipelines: silences and other control records for a running pipeline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, model_validator

from engine.application.config.issues import invalid
from engine.application.config.silence import SilenceSpec
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import (
    ControlRequest,
    control_pipeline,
    find_control,
    require_control,
    revoke_control,
)
from engine.application.control.give_feedback import (
    Judgement,
    give_feedback,
    preview_feedback,
)
from engine.application.control.permissions import Action, require
from engine.application.control.preview_silence import preview_silence
from engine.application.control_ports import UnitOfWork
from engine.application.live_control.record_types import (
    BudgetSpec,
    ForgetSpec,
    PauseSpec,
    ResetSpec,
    RuleSpec,
)
from engine.application.live_control.records import ControlRecord, Kind
from engine.presentation.api.bodies import Body
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.repeats import Result, once
from engine.presentation.api.requests import Key, PipelineName, Text
from engine.presentation.api.services import WithServices

router = APIRouter(tags=["control"], route_class=EndpointRoute)
KINDS: tuple[Kind, ...] = ("silence", "pause", "rule", "budget", "reset", "forget")
LookBack = Annotated[int, Query(ge=1, le=1_000, description="Number of past anomalies to examine.")]
Why = Annotated[Text, Field(max_length=1_000)]


class ControlOut(BaseModel):
    """A control record."""

    id: str
    kind: Kind
    who: str
    when: datetime
    why: str
    request: str | None
    """The X-Request-ID by which it was written; null if it was not written by the API."""
    fields: dict[str, Any]
    """Its fields, as in the control log."""


class Controls(BaseModel):
    """Control records in their order."""

    items: list[ControlOut]


class ControlIn(Body):
    """A control record to write; silence and pause begin now unless they have `from`."""

    silence: SilenceSpec | None = None
    pause: PauseSpec | None = None
    rule: RuleSpec | None = None
    budget: BudgetSpec | None = None
    reset: ResetSpec | None = None
    forget: ForgetSpec | None = None
    why: Why = ""

    @model_validator(mode="after")
    def _has_one_kind(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise invalid(f"expected one of {', '.join(KINDS)}")
        return self

    def record(self) -> ControlRequest:
        """Return the argument of the use case."""
        kind = next(kind for kind in KINDS if getattr(self, kind) is not None)
        spec: BaseModel = getattr(self, kind)
        fields = spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return ControlRequest(kind, fields, self.why)


class FeedbackIn(Body):
    """Feedback on an alarm."""

    anomaly: Annotated[Text, Field(min_length=1, max_length=100)]
    """Id of an anomaly, or of an incident, which stands for its strongest anomaly."""
    verdict: Literal["false_alarm", "true_alarm"]
    scope: Literal["entity", "value", "pattern", "pipeline"] = "entity"
    """The similar anomalies that it applies to."""
    entities: list[Text] = Field([])
    """Patterns of keys; only with scope pattern."""
    why: Why = ""

    def judgement(self) -> Judgement:
        """Return the argument of the use case."""
        return Judgement(self.anomaly, self.verdict, self.scope, tuple(self.entities), self.why)


class SilencePreviewOut(BaseModel):
    """The recent anomalies that a silence matches by entity, value and hours of the week."""

    muted: int
    last: int
    anomalies: list[str]
    """Ids of the anomalies that it would have muted, newest first."""


class FeedbackPreviewOut(BaseModel):
    """The effect that feedback would have."""

    muted: int
    """Number of anomalies that would not have alerted."""
    last: int
    """Number of past anomalies examined."""
    needs: float
    """Powers of ten below the threshold that a similar anomaly must reach at first."""


@router.get("/pipelines/{pipeline}/control")
def list_control(
    services: WithServices, caller: WithCaller, pipeline: PipelineName, past: bool = False
) -> Controls:
    """List the records in force, or with `past` all that were ever written."""
    file = services.pipeline(caller, pipeline)
    return Controls(items=list(map(_shown, find_control(caller, file, past=past))))


@router.post("/pipelines/{pipeline}/control", status_code=201, response_model=ControlOut)
def add_control(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: PipelineName,
    body: ControlIn,
    key: Key = None,
) -> Response:
    """Write a control record; a pipeline that runs applies it within about a second."""
    record = body.record()

    def made(work: UnitOfWork) -> Result:
        file = services.pipeline(caller, pipeline)
        return Result(201, _shown(control_pipeline(work, caller, services.now(), file, record)))

    return once(
        services,
        caller,
        request,
        key,
        record,
        made,
        lambda _: require_control(caller, record.kind, pipeline),
    )


@router.post("/pipelines/{pipeline}/control/preview")
def preview_control(
    services: WithServices,
    caller: WithCaller,
    pipeline: PipelineName,
    body: SilenceSpec,
    last: LookBack = 30,
) -> SilencePreviewOut:
    """Return the recent anomalies that a silence would have muted."""
    file = services.pipeline(caller, pipeline)
    with services.store.reading() as work:
        found = preview_silence(work, caller, file, body, last)
    ids = [one.id for one in found.muted]
    return SilencePreviewOut(muted=len(ids), last=found.last, anomalies=ids)


@router.delete("/pipelines/{pipeline}/control/{record_id}", response_model=ControlOut)
def remove_control(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: PipelineName,
    record_id: Annotated[Text, Field(max_length=100)],
    why: Annotated[Text, Query(max_length=1_000)] = "",
    key: Key = None,
) -> Response:
    """Revoke a control record that is in force."""

    def made(work: UnitOfWork) -> Result:
        file = services.pipeline(caller, pipeline)
        found = revoke_control(work, caller, services.now(), file, record_id, why)
        return Result(200, _shown(found))

    return once(services, caller, request, key, why, made, _controls(caller, pipeline))


@router.post("/pipelines/{pipeline}/feedback", status_code=201, response_model=ControlOut)
def add_feedback(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: PipelineName,
    body: FeedbackIn,
    key: Key = None,
) -> Response:
    """Mark an alarm as false or true: similar ones then need more evidence, or less."""

    def made(work: UnitOfWork) -> Result:
        file = services.pipeline(caller, pipeline)
        found = give_feedback(work, caller, services.now(), file, body.judgement())
        return Result(201, _shown(found))

    return once(services, caller, request, key, body, made, _controls(caller, pipeline))


@router.post("/pipelines/{pipeline}/feedback/preview")
def preview_of_feedback(
    services: WithServices,
    caller: WithCaller,
    pipeline: PipelineName,
    body: FeedbackIn,
    last: LookBack = 30,
) -> FeedbackPreviewOut:
    """Return the effect that feedback would have."""
    file = services.pipeline(caller, pipeline)
    with services.store.reading() as work:
        found = preview_feedback(work, caller, file, body.judgement(), last)
    return FeedbackPreviewOut(muted=found.muted, last=found.last, needs=found.needs)


def _controls(caller: Caller, pipeline: str) -> Callable[[UnitOfWork], None]:
    return lambda _work: require(caller, Action.CONTROL_PIPELINES, pipeline)


def _shown(record: ControlRecord) -> ControlOut:
    spec: BaseModel = getattr(record, record.kind)
    return ControlOut(
        id=record.id,
        kind=record.kind,
        who=record.who,
        when=record.when,
        why=record.why,
        request=record.request or None,
        fields=spec.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    )

"""The catalogue: detectors, metrics pages, entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from engine.application import registry
from engine.application.control.explain_to import explain_to
from engine.application.control.find_alert_rules import find_alert_rules
from engine.application.control.find_targets import find_targets
from engine.application.control.permissions import Action, require_somewhere
from engine.application.entities.known_task import TaskReport
from engine.domain.alert_promise import AlertPromise
from engine.domain.detector import Declaration
from engine.presentation.api.credentials import WithCaller
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.requests import PipelineName, Text
from engine.presentation.api.services import WithServices

router = APIRouter(tags=["catalogue"], route_class=EndpointRoute)
YAML = "application/yaml"


class ParameterOut(BaseModel):
    """A parameter of a detector."""

    name: str
    type: str
    default: Any
    description: str


class DetectorOut(BaseModel):
    """An installed detector."""

    name: str
    summary: str
    suits: str
    kinds: Sequence[str]
    """Kinds of anomaly that it detects."""
    source: str
    bytes_per_entity: int | None
    """Memory of an entity with one value and default parameters; null if it must be measured."""
    keeps_budget: bool
    cannot_meet: Sequence[str]
    """Checks of the detector contract that it does not meet."""
    parameters: list[ParameterOut]


class Detectors(BaseModel):
    """The installed detectors."""

    items: list[DetectorOut]


class TargetGroup(BaseModel):
    """A target group of Prometheus' HTTP service discovery."""

    targets: list[str]
    labels: dict[str, str]


class Expected(BaseModel):
    """What is expected of a value next; null while too little is known."""

    name: str
    low: float | None
    high: float | None


class EntityOut(BaseModel):
    """The state of an entity in one partition of a pipeline."""

    entity: str
    partition: str
    events: int
    events_learned: int
    """Events its models learned from since they started, or started afresh."""
    newest_ns: int
    events_per_day: float | None
    warm: bool
    """Whether the entity has warmed up."""
    threshold: float | None
    """The p-value at which its next event alerts; null if alerts do not depend on p-values."""
    promise: str
    expected: list[Expected]
    silences: list[str]
    rules: list[str]
    feedback: list[str]
    memory_bytes: int


class Explained(BaseModel):
    """The state of an entity: an item for each partition that it comes from."""

    items: list[EntityOut]


@router.get("/detectors")
def list_detectors(caller: WithCaller) -> Detectors:
    """List the installed detectors, as `pynomaly detectors` does."""
    require_somewhere(caller, Action.READ)
    return Detectors(items=list(map(_detector, registry.declarations())))


@router.get("/targets")
def list_targets(services: WithServices, caller: WithCaller) -> list[TargetGroup]:
    """List the metrics pages of pipelines, for Prometheus' HTTP service discovery."""
    with services.store.reading() as work:
        found = find_targets(
            work, caller, services.pipelines, services.runner, services.discoveries
        )
    return [
        TargetGroup(
            targets=[one.address],
            labels=({"pipeline": one.pipeline} if one.pipeline else {})
            | {"__scheme__": one.scheme},
        )
        for one in found
    ]


@router.get(
    "/pipelines/{pipeline}/alert-rules",
    response_class=Response,
    responses={200: {"content": {YAML: {"schema": {"type": "string"}}}}},
)
def read_alert_rules(
    services: WithServices, caller: WithCaller, pipeline: PipelineName
) -> Response:
    """Return recording and alert rules of Prometheus for a pipeline, as a rules file."""
    with services.store.reading() as work:
        found = find_alert_rules(work, caller, services.pipelines, pipeline)
    return Response(found, media_type=YAML)


@router.get("/pipelines/{pipeline}/explain")
def explain(
    services: WithServices,
    caller: WithCaller,
    pipeline: Text,
    entity: Annotated[Text, Query(max_length=1_000)],
) -> Explained:
    """Return the last stored state of an entity, as `pynomaly explain` does."""
    file = services.pipeline(caller, pipeline)
    promise = file.alert_promise()
    return Explained(items=[_entity(one, promise) for one in explain_to(caller, file, entity)])


def _detector(one: Declaration) -> DetectorOut:
    parameters = [
        ParameterOut(
            name=each.name,
            type=str(each.type),
            default=_plain(each.default),
            description=each.description,
        )
        for each in one.parameters
    ]
    return DetectorOut(
        name=one.name,
        summary=one.summary,
        suits=one.suits,
        kinds=one.kinds,
        source=one.source,
        bytes_per_entity=one.bytes_per_entity,
        keeps_budget=one.keeps_budget,
        cannot_meet=list(one.exceptions),
        parameters=parameters,
    )


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _entity(one: TaskReport, promise: AlertPromise) -> EntityOut:
    report = one.report
    return EntityOut(
        entity=report.entity,
        partition=one.task,
        events=report.events,
        events_learned=report.learned,
        newest_ns=report.newest,
        events_per_day=report.rate,
        warm=report.warm,
        threshold=one.threshold,
        promise=promise.of(one.policy).known(),
        expected=[
            Expected(name=value.name, low=value.low, high=value.high) for value in report.values
        ],
        silences=[silence.name for silence in one.silences],
        rules=[rule.name for rule in one.rules],
        feedback=[each.id for each in one.feedback],
        memory_bytes=report.memory,
    )

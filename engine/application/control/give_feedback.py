"""Marks an alarm as false or true, and previews the effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import (
    ControlRequest,
    control_pipeline,
    errors_as_conflicts,
)
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.application.live_control.records import ControlRecord
from engine.application.use_cases.judge_anomaly import Verdict, judge_published
from engine.domain.control.errors import ConflictError, NotFoundError
from engine.domain.control.page import AnomalyFilter, Position

PAGE = 500
LOOKED_AT = 5_000
"""Number of recent anomalies of a pipeline that are searched for similar ones."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A user's feedback on an alarm.

    Attributes:
        anomaly: the id of an anomaly, or of an incident, which stands for its strongest anomaly.
        verdict: false_alarm or true_alarm.
        scope: the similar anomalies that it applies to.
        entities: patterns of keys; only with scope pattern.
        why: the reason, for people who read it later.
    """

    anomaly: str
    verdict: Literal["false_alarm", "true_alarm"]
    scope: Literal["entity", "value", "pattern", "pipeline"] = "entity"
    entities: tuple[str, ...] = ()
    why: str = ""


def preview_feedback(
    work: UnitOfWork, caller: Caller, file: PipelineFile, judgement: Judgement, look_back: int
) -> Verdict:
    """Return the effect that feedback would have; nothing is written.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the pipeline has no such anomaly or incident.
        ConflictError: feedback does not apply to it, such as to an absence.
    """
    require(caller, Action.READ, file.name)
    documents = _published(work, file.name, judgement.anomaly)
    judged = judgement.verdict, judgement.scope, list(judgement.entities)
    with errors_as_conflicts():
        return judge_published(file, documents, judgement.anomaly, *judged, look_back)


def give_feedback(
    work: UnitOfWork, caller: Caller, now: int, file: PipelineFile, judgement: Judgement
) -> ControlRecord:
    """Write feedback to the control log of a pipeline, which may be running.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the pipeline has no such anomaly or incident.
        ConflictError: feedback does not apply to it, or the log cannot be written.
    """
    require(caller, Action.CONTROL_PIPELINES, file.name)
    verdict = preview_feedback(work, caller, file, judgement, 1)
    return control_pipeline(
        work, caller, now, file, ControlRequest("feedback", verdict.fields, judgement.why)
    )


def _can_be_judged(document: Mapping[str, object]) -> bool:
    return "suppressed_by" not in document and bool(document["values"])


def _published(work: UnitOfWork, pipeline: str, own: str) -> list[dict[str, Any]]:
    """Return the recent anomalies of a pipeline in order, including those of the feedback."""
    found: dict[str, Mapping[str, object]] = {}
    behind: Position | None = None
    while len(found) < LOOKED_AT:
        page = work.anomalies.find(AnomalyFilter(pipeline=pipeline), behind, PAGE)
        found.update((one.id, one.document) for one in page.items)
        behind = page.next
        if behind is None:
            break
    meant = [*work.anomalies.find(AnomalyFilter(pipeline, incident=own), None, PAGE).items]
    one = work.anomalies.get(own)
    if one is not None and one.pipeline == pipeline:
        # All anomalies of the incident, because a true alarm lasts until the incident ends.
        same = AnomalyFilter(pipeline, incident=one.incident)
        meant += [one, *work.anomalies.find(same, None, PAGE).items]
    if not meant:
        raise NotFoundError(f'no anomaly and no incident "{own}" of {pipeline} is stored')
    found.update((each.id, each.document) for each in meant)
    heard = [dict(each) for each in found.values() if _can_be_judged(each)]
    if not any(_can_be_judged(each.document) for each in meant):
        raise ConflictError(
            f'"{own}" cannot be judged: feedback is about the values of an alarm. An absence has '
            "none, and what a silence mutes does not alert"
        )
    return sorted(heard, key=lambda each: (each["time_ns"], each["id"]))

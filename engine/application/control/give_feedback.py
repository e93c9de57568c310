"""Say that an alarm was false, or true; and what that would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import Said, control_pipeline, told
from engine.application.control.permissions import Action, require
from engine.application.control_ports import UnitOfWork
from engine.application.live_control.records import ControlRecord
from engine.application.use_cases.judge_anomaly import Verdict, judge_published
from engine.domain.control.errors import NotFoundError
from engine.domain.control.page import AnomalyFilter, Position

PAGE = 500
LOOKED_AT = 5_000
"""Anomalies of a pipeline among which similar ones are looked for, the last ones."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody says of an alarm.

    Attributes:
        anomaly: id of an anomaly, or of an incident, whose strongest anomaly is meant then.
        verdict: what it was.
        scope: for which similar anomalies it holds.
        entities: patterns of keys, of scope pattern.
        why: for people who read it later.
    """

    anomaly: str
    verdict: Literal["false_alarm", "true_alarm"]
    scope: Literal["entity", "value", "pattern", "pipeline"] = "entity"
    entities: tuple[str, ...] = ()
    why: str = ""


def preview_feedback(
    work: UnitOfWork, caller: Caller, file: PipelineFile, judgement: Judgement, look_back: int
) -> Verdict:
    """Return what feedback would do; nothing is written.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: there is no such anomaly or incident of the pipeline.
        ConflictError: feedback on it has no meaning.
    """
    require(caller, Action.READ, file.name)
    documents = _published(work, file.name, judgement.anomaly)
    said = judgement.verdict, judgement.scope, list(judgement.entities)
    with told():
        return judge_published(file, documents, judgement.anomaly, *said, look_back)


def give_feedback(
    work: UnitOfWork, caller: Caller, now: int, file: PipelineFile, judgement: Judgement
) -> ControlRecord:
    """Write feedback to the control log of a pipeline, which may be running.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: there is no such anomaly or incident of the pipeline.
        ConflictError: feedback on it has no meaning, or the log cannot be written.
    """
    require(caller, Action.CONTROL_PIPELINES, file.name)
    verdict = preview_feedback(work, caller, file, judgement, 1)
    return control_pipeline(work, caller, now, file, Said("feedback", verdict.said, judgement.why))


def _published(work: UnitOfWork, pipeline: str, own: str) -> list[dict[str, Any]]:
    """Return the last anomalies of a pipeline in their order, those that are meant among them."""
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
        # All of its incident: a true alarm holds until the incident's end.
        same = AnomalyFilter(pipeline, incident=one.incident)
        meant += [one, *work.anomalies.find(same, None, PAGE).items]
    if not meant:
        raise NotFoundError(f'no anomaly and no incident "{own}" of {pipeline} is stored')
    found.update((each.id, each.document) for each in meant)
    heard = [
        dict(each) for each in found.values() if "suppressed_by" not in each and each["values"]
    ]
    return sorted(heard, key=lambda each: (each["time_ns"], each["id"]))

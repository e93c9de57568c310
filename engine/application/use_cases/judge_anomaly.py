"""Judge an anomaly: the effect of feedback on it, and which past anomalies it would have muted."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.quantity import nanoseconds
from engine.application.use_cases.published_anomalies import Document, published_anomalies
from engine.domain.errors import FatalError
from engine.domain.feedback import Case, Feedback, direction_of, evidence_of, needed
from engine.domain.kinds import RULE_KINDS


@dataclass(frozen=True, slots=True)
class Verdict:
    """The record and the effect of feedback.

    Attributes:
        fields: those of the control record.
        muted: anomalies of the last ones that it would have left out.
        last: how many anomalies of those that it looks at were looked back on.
        needs: powers of ten below the threshold that a similar anomaly needs at first.
    """

    fields: dict[str, Any]
    muted: int
    last: int
    needs: float


def judge(
    file: PipelineFile,
    own: str,
    verdict: str,
    scope: str,
    entities: list[str],
    anomalies: Path | None,
    look_back: int,
) -> Verdict:
    """Return what feedback on an anomaly would say and do; nothing is written.

    Args:
        file: the pipeline file; its sink has the anomalies, unless a file is given.
        own: id of the anomaly, or of its incident, whose strongest anomaly is meant then.
        verdict: false_alarm or true_alarm.
        scope: entity, value, pattern or pipeline.
        entities: patterns of keys, of scope pattern.
        anomalies: file of published anomalies; those of the sink unless given.
        look_back: the number of recent anomalies of the scope to examine, as far as they were read.

    Raises:
        FatalError: the anomaly is not found, or feedback on it has no meaning.
    """
    documents: list[Document] = []
    for documents in published_anomalies(file, anomalies):
        if _has_whole_incident(documents, own):
            break
    return judge_published(file, documents, own, verdict, scope, entities, look_back)


def judge_published(
    file: PipelineFile,
    documents: Sequence[Document],
    own: str,
    verdict: str,
    scope: str,
    entities: list[str],
    look_back: int,
) -> Verdict:
    """Return what feedback on an anomaly would say and do, as `judge` does.

    Args:
        file: the pipeline file.
        documents: anomalies that it published, each once, in their order.
        own, verdict, scope, entities, look_back: as of `judge`.

    Raises:
        FatalError: the anomaly is not found, or feedback on it has no meaning.
    """
    if (scope == "pattern") != bool(entities):
        raise FatalError("entities goes with scope pattern, and that needs them")
    found, end = _find(documents, own)
    case = case_of(found)
    if case.kind in RULE_KINDS:
        raise FatalError(
            f'"{own}" was found by a rule ({case.kind}): correct the rule in the pipeline file, '
            "or silence it"
        )
    fields: dict[str, Any] = {
        "verdict": verdict,
        "anomaly": found["id"],
        "scope": scope,
        "entities": {"entity": [_literal(case.entity)], "pattern": entities}.get(scope, ["*"]),
        "entity": case.entity,
        "kind": case.kind,
        "value": case.value,
        "direction": case.direction,
        "time_ns": case.time,
        "evidence": case.evidence,
    }
    if verdict == "true_alarm":
        fields["until_ns"] = end + nanoseconds(file.alert.incident_gap)
    keys = tuple(fields["entities"])
    feedback = Feedback("", verdict == "true_alarm", case, keys, scope == "pipeline")
    past = (case_of(one) for one in documents)
    last = deque((one for one in past if feedback.fits(one.entity)), look_back)
    muted = sum(one.evidence < needed([feedback], one)[0] for one in last)
    return Verdict(fields, muted, len(last), feedback.margin(case.time))


def case_of(document: Document) -> Case:
    """Return a published anomaly as feedback looks at it."""
    part = _blamed(document)
    expected = part["expected_low"], part["expected_high"]
    return Case(
        entity=document["entity"],
        kind=document["kind"],
        value=part["name"],
        direction=direction_of(part["value"], *expected),
        time=document["time_ns"],
        evidence=evidence_of(document["p_value"], document["threshold"]),
    )


def blamed_value(document: Mapping[str, Any]) -> str:
    """Return the name of the value to blame; "" of an anomaly without values."""
    return str(_blamed(document)["name"]) if document["values"] else ""


def _blamed(document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = max(document["values"], key=lambda value: value["contribution"])
    return found


def _find(documents: Sequence[Document], own: str) -> tuple[Document, int]:
    """Return an anomaly, and the time of the last one of its incident."""
    ids = [one for one in documents if one["id"] == own]
    # The id of an incident is that of its first anomaly.
    incident = [one for one in documents if one["incident"] == own]
    if not ids and not incident:
        raise FatalError(f'no anomaly and no incident "{own}" is among the published ones')
    found = max(incident or ids, key=lambda one: case_of(one).evidence)
    same = [one["time_ns"] for one in documents if one["incident"] == found["incident"]]
    return found, max(same)


def _has_whole_incident(documents: Sequence[Document], own: str) -> bool:
    """Return whether an anomaly is there, and the first one of its incident, so all of them."""
    ids = {one["id"]: one["incident"] for one in documents}
    return own in ids and ids[own] in ids


def _literal(key: str) -> str:
    """Return the pattern that fits a key alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in key)

"""What is known of entities, as JSON documents for the page of a process."""

from __future__ import annotations

from typing import Any

from engine.application.entities.known_task import TaskReport
from engine.application.entities.nearest import NearEntity
from engine.domain.alert_promise import AlertPromise
from engine.domain.silence import Silence


def report_document(found: TaskReport, promise: AlertPromise) -> dict[str, Any]:
    """Return what a task knows of an entity.

    Args:
        found: what it knows.
        promise: what the pipeline file promises.
    """
    report = found.report
    return {
        "entity": report.entity,
        "partition": found.task,
        "position": found.position,
        "events": report.events,
        "events_learned": report.learned,
        "newest_ns": report.newest,
        "events_per_day": report.rate,
        "waiting": found.waiting,
        "warm": report.warm,
        "detectors": [
            {"name": one.name, "warm_up": one.warm_up, "warm": one.warm, "weight": one.weight}
            for one in report.detectors
        ],
        "threshold": found.threshold,
        "promise": promise.of(found.policy).known(),
        "absence": None if report.presence is None else report.presence.value,
        "expected": [
            {"name": value.name, "low": value.low, "high": value.high} for value in report.values
        ],
        "found": [
            {"last": one.last, "season": one.season or None, "noise": one.noise}
            for one in report.natures
        ],
        "silences": [_silence(one) for one in found.silences],
        "feedback": [
            {"id": one.id, "evidence": one.margin(report.newest)} for one in found.feedback
        ],
        "rules": [rule.name for rule in found.rules],
        "budget": None if found.budget is None else found.budget.name,
        "memory_bytes": report.memory,
    }


def nearest_document(found: NearEntity) -> dict[str, Any]:
    """Return how near an entity came to alerting."""
    return {
        "entity": found.entity,
        "partition": found.task,
        "evidence": None if found.threshold is None else round(found.evidence, 2),
        "p_value": found.p_value,
        "threshold": found.threshold,
        "newest_ns": found.newest,
    }


def _silence(silence: Silence) -> dict[str, Any]:
    return {
        "name": silence.name,
        "begin_ns": silence.begin,
        "end_ns": silence.end,
        "weekly": silence.weekly is not None,
        "mutes": silence.mutes,
    }

"""What a task knows of an entity, by its models and by the control log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from engine.application.live_control.task_control import TaskControl
from engine.application.ports import EntityReports
from engine.application.state.store import Json
from engine.domain.alert_policy import AlertPolicy, Budget, PValueThreshold
from engine.domain.batch import Floats
from engine.domain.control_change import BudgetChange
from engine.domain.entity_report import EntityReport
from engine.domain.entity_rule import EntityRule
from engine.domain.errors import FatalError, nearest
from engine.domain.feedback import Feedback
from engine.domain.pipeline import Pipeline
from engine.domain.silence import Silence

MOST_COMPARED = 100_000
"""Keys among which a similar one is looked for, which takes microseconds each."""


@dataclass(frozen=True, slots=True)
class KnownTask:
    """A task whose entities can be asked for: of stored state, or of a running process.

    Attributes:
        name: the partition.
        position: the position of the source in it.
        partitions: of the source, which share the alert budget.
        entities: knows the entities.
        control: the control records in force.
    """

    name: str
    position: Json
    partitions: int
    entities: EntityReports
    control: TaskControl


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What one task knows of an entity.

    Attributes:
        task: the partition.
        position: where the source stood.
        report: what is known.
        policy: the alert policy in force.
        threshold: the p-value at which its next event alerts; None if no p-value decides.
        silences: those of the pipeline file and of the control log whose patterns fit it.
        feedback: that holds for it.
        rules: of the control log that hold for it.
        budget: of the control log.
        waiting: events of it that wait for their turn in the order of event time.
    """

    task: str
    position: Json
    report: EntityReport
    policy: AlertPolicy
    threshold: float | None
    silences: Sequence[Silence] = ()
    feedback: Sequence[Feedback] = ()
    rules: Sequence[EntityRule] = ()
    budget: BudgetChange | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class FoundReports:
    """What is known of an entity, and what is known instead.

    Attributes:
        entity: the key.
        reports: of the tasks that know it.
        waiting: events of it that wait for their turn.
        known: keys of the tasks that do not know it.
    """

    entity: str
    reports: Sequence[TaskReport]
    waiting: int
    known: Sequence[str]


def find_reports(entity: str, tasks: Iterable[KnownTask], pipeline: Pipeline) -> FoundReports:
    """Return what each task knows of an entity.

    Args:
        entity: the key.
        tasks: that are asked, one after the other.
        pipeline: the pipeline file's settings.
    """
    known: list[str] = []
    reports: list[TaskReport] = []
    waiting = 0
    for task in tasks:
        report, waits = task.entities.report(entity), task.entities.waiting(entity)
        waiting += waits
        if report is None:
            known += task.entities.entities()
        else:
            reports.append(_report_of(task, report, waits, pipeline))
    return FoundReports(entity, reports, waiting, known)


def require_known(found: FoundReports) -> Sequence[TaskReport]:
    """Return the reports on an entity.

    Raises:
        FatalError: no task knows it; the text says how many entities there are, and similar keys.
    """
    if not found.reports and found.waiting:
        raise FatalError(
            f'"{found.entity}" has {found.waiting:,} events that wait for their turn '
            "(event.order), and none that was scored yet"
        )
    if not found.reports:
        raise FatalError(_unknown(found.entity, found.known))
    return found.reports


def _report_of(task: KnownTask, report: EntityReport, waits: int, pipeline: Pipeline) -> TaskReport:
    change, entity = task.control.change(), report.entity
    rate = np.array([np.nan if report.rate is None else report.rate])
    policy = change.policy(pipeline.alert)
    found = thresholds(policy, rate, report.task_rate, task.partitions)
    threshold = float(found[0]) if found is not None and found[0] > 0 else None
    known_silences = change.silences_with(pipeline.silences)
    return TaskReport(
        task.name,
        task.position,
        report,
        policy,
        threshold,
        [one for one in known_silences if _concerns(one, report)],
        [one for one in change.feedback if one.fits(entity)],
        [one for one in change.rules if _fits(entity, one.entities)],
        change.budget,
        waits,
    )


def thresholds(
    policy: AlertPolicy, rates: Floats, task_rate: float, partitions: int
) -> Floats | None:
    """Return the p-values at which the next events of entities alert; None if none decides.

    Args:
        policy: the alert policy in force.
        rates: float64 [n], events per day of each entity; NaN while unknown.
        task_rate: events per day of all entities of their task.
        partitions: of the source.

    Returns:
        float64 [n]; 0 while the rate that a budget needs is unknown.
    """
    if isinstance(policy, PValueThreshold):
        return policy.thresholds(rates)
    if not isinstance(policy, Budget):
        return None
    return policy.thresholds(rates, np.full(len(rates), task_rate * partitions))


def _concerns(silence: Silence, report: EntityReport) -> bool:
    """Return whether a silence holds for an entity's newest event, or a later one."""
    over = silence.end is not None and silence.end <= report.newest
    return not over and _fits(report.entity, silence.entities)


def _fits(entity: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(entity, pattern) for pattern in patterns)


def _unknown(entity: str, known: Sequence[str]) -> str:
    if not known:
        return "no entity is known yet: no event was read, or no whole snapshot was stored since"
    similar = nearest(entity, known) if len(known) <= MOST_COMPARED else ""
    return (
        f'nothing is known of "{entity}": no event with this key was read up to the last snapshot, '
        f"or it was idle longest and was evicted. {len(known):,} entities are known.{similar}"
    )

"""Explain an entity: what a pipeline knows about it, and when it alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import cast

import numpy as np

from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.live_control.task_control import STATE as CONTROL
from engine.application.live_control.task_control import TaskControl, load_control
from engine.application.ports import EntityReports, RunContext, TaskStep
from engine.application.state.encrypted import cipher_of
from engine.application.state.snapshots import Snapshot, read_snapshots
from engine.application.state.store import Json
from engine.application.state.trust import require_trusted
from engine.application.use_cases.stored_state import stored_state
from engine.domain.alert_policy import AlertPolicy, Budget, PValueThreshold
from engine.domain.control_change import BudgetChange
from engine.domain.entity_report import EntityReport
from engine.domain.entity_rule import EntityRule
from engine.domain.errors import FatalError, nearest
from engine.domain.feedback import Feedback
from engine.domain.silence import Silence


@dataclass(frozen=True, slots=True)
class TaskReport:
    """What one task knows of an entity.

    Attributes:
        task: the partition.
        position: where the source stood when this was stored.
        report: what is known.
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
    threshold: float | None
    silences: Sequence[Silence] = ()
    feedback: Sequence[Feedback] = ()
    rules: Sequence[EntityRule] = ()
    budget: BudgetChange | None = None
    waiting: int = 0


def explain_entity(file: PipelineFile, entity: str) -> Sequence[TaskReport]:
    """Return what each task knows of an entity, by the last whole snapshot of its state.

    Args:
        file: the pipeline file.
        entity: the key.

    Raises:
        FatalError: no task knows it; the text says how many entities there are, and similar keys.
        SnapshotError: the state is damaged.
    """
    known: list[str] = []
    found: list[TaskReport] = []
    pipeline = file.pipeline()
    waiting = 0
    for task, position, partitions, step, control in _tasks(file):
        report, waits = step.report(entity), step.waiting(entity)
        waiting += waits
        if report is None:
            known += step.entities()
            continue
        change = control.change()
        threshold = _threshold(change.policy(pipeline.alert), report, partitions)
        known_silences = change.silences_with(pipeline.silences)
        silences = [one for one in known_silences if _concerns(one, report)]
        feedback = [one for one in change.feedback if one.fits(entity)]
        rules = [one for one in change.rules if _fits(entity, one.entities)]
        known_by = task, position, report, threshold
        found.append(TaskReport(*known_by, silences, feedback, rules, change.budget, waits))
    if not found and waiting:
        raise FatalError(
            f'"{entity}" has {waiting:,} events that wait for their turn (event.order), and none '
            "that was scored yet"
        )
    if not found:
        raise FatalError(_unknown(entity, known))
    return found


def _tasks(file: PipelineFile) -> Iterator[tuple[str, Json, int, EntityReports, TaskControl]]:
    """Yield each task's name, position, number of partitions, restored entities, and control."""
    make = registry.step("detect")(file.pipeline(), RunContext(file.name))
    for stored in _snapshots(file):
        step: TaskStep = make(stored.partitions)
        step.restore(stored.blobs["detect"])
        control = load_control(stored.blobs.get(CONTROL))
        reports = cast("EntityReports", step)
        yield stored.task, stored.position, stored.partitions, reports, control
        step.leave()


def _snapshots(file: PipelineFile) -> Iterator[Snapshot]:
    """Yield the snapshot of each task, one after the other: a task's may be large."""
    cipher = cipher_of(file)
    if file.state.kafka is not None:
        with stored_state(file, file.state.kafka) as state:
            for stored in filter(None, map(state.load, state.tasks())):
                task = cipher.decrypted(stored)
                yield Snapshot(task.task, task.snapshot_position, task.partitions, task.snapshot)
    elif file.state.directory.exists():
        require_trusted(file.state.directory)
        yield from read_snapshots(file.state.directory, cipher)


def _concerns(silence: Silence, report: EntityReport) -> bool:
    """Return whether a silence holds for an entity's newest event, or a later one."""
    over = silence.end is not None and silence.end <= report.newest
    return not over and _fits(report.entity, silence.entities)


def _fits(entity: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(entity, pattern) for pattern in patterns)


def _threshold(policy: AlertPolicy, report: EntityReport, partitions: int) -> float | None:
    if isinstance(policy, PValueThreshold):
        return policy.p_value
    if not isinstance(policy, Budget) or report.rate is None:
        return None
    rate, of_all = np.array([report.rate]), np.array([report.task_rate * partitions])
    return float(policy.thresholds(rate, of_all)[0])


def _unknown(entity: str, known: Sequence[str]) -> str:
    if not known:
        return "no entity is known yet: no event was read, or no whole snapshot was stored since"
    return (
        f'nothing is known of "{entity}": no event with this key was read up to the last snapshot, '
        f"or it was idle longest and was evicted. {len(known):,} entities are known."
        f"{nearest(entity, known)}"
    )

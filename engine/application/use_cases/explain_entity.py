"""Explain entities by stored state: what a pipeline knows about them, and when they alert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.entities.known_task import (
    KnownTask,
    TaskReport,
    find_reports,
    require_known,
)
from engine.application.entities.nearest import NearEntity, nearest_entities
from engine.application.live_control.task_control import STATE as CONTROL
from engine.application.live_control.task_control import load_control
from engine.application.ports import EntityReports, RunContext, TaskStep
from engine.application.state.encrypted import cipher_of
from engine.application.state.snapshots import Snapshot, read_snapshots
from engine.application.state.trust import require_trusted
from engine.application.use_cases.stored_state import stored_state


def explain_entity(file: PipelineFile, entity: str) -> Sequence[TaskReport]:
    """Return what each task knows of an entity, by the last whole snapshot of its state.

    Args:
        file: the pipeline file.
        entity: the key.

    Raises:
        FatalError: no task knows it; the text says how many entities there are, and similar keys.
        SnapshotError: the state is damaged.
    """
    return require_known(find_reports(entity, _tasks(file), file.pipeline()))


def explain_nearest(file: PipelineFile, count: int) -> Sequence[NearEntity]:
    """Return the entities nearest to alerting, by the last whole snapshots.

    Args:
        file: the pipeline file.
        count: how many to return.

    Raises:
        SnapshotError: the state is damaged.
    """
    return nearest_entities(_tasks(file), file.pipeline().alert, count)


def _tasks(file: PipelineFile) -> Iterator[KnownTask]:
    """Yield each task, restored; the one before is gone by then."""
    make = registry.step("detect")(file.pipeline(), RunContext(file.name))
    for stored in _snapshots(file):
        step: TaskStep = make(stored.partitions)
        step.restore(stored.blobs["detect"])
        control = load_control(stored.blobs.get(CONTROL))
        reports = cast("EntityReports", step)
        yield KnownTask(stored.task, stored.position, stored.partitions, reports, control)
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

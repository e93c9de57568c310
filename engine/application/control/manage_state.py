"""Inspects, exports, imports and reverts the stored state of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import errors_as_conflicts
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control_ports import Store
from engine.application.use_cases.export_state import export_state
from engine.application.use_cases.import_state import import_state
from engine.application.use_cases.inspect_state import StateReport, inspect_state
from engine.application.use_cases.revert_state import Reverted, revert_state


def see_state(caller: Caller, file: PipelineFile) -> StateReport:
    """Return the stored state of a pipeline, and the part that its next run would keep.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: the state is damaged, or others can write to it.
    """
    require(caller, Action.RUN_PIPELINES, file.name)
    with errors_as_conflicts():
        return inspect_state(file)


def export_state_to(
    store: Store, caller: Caller, now: int, file: PipelineFile, archive: Path
) -> int:
    """Write the state of a stopped pipeline into an archive; return its size in bytes.

    The audit record is stored first, so that no export is missing from the log.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: the pipeline is running, or has no state.
    """
    require(caller, Action.MANAGE_STATE, file.name)
    with store.writing() as work:
        record(work, caller, now, "state.export", file.name)
    with errors_as_conflicts():
        return export_state(file, archive)


def require_import(caller: Caller, pipeline: str) -> None:
    """Require the permission to import state, before an archive is read.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require(caller, Action.MANAGE_STATE, pipeline)


def import_state_from(
    store: Store, caller: Caller, now: int, file: PipelineFile, archive: Path
) -> int:
    """Restore the state of a pipeline from an archive; return its size in bytes.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: the pipeline is running, has state already, or the archive is damaged.
    """
    require_import(caller, file.name)
    with store.writing() as work:
        record(work, caller, now, "state.import", file.name)
    with errors_as_conflicts():
        return import_state(file, archive)


def revert_state_to(
    store: Store, caller: Caller, now: int, file: PipelineFile, when: datetime, why: str
) -> Sequence[Reverted]:
    """Restore the newest checkpoint before a time.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: the pipeline is running, or has no checkpoint of that time.
    """
    require(caller, Action.MANAGE_STATE, file.name)
    with store.writing() as work:
        shown = {"to": when.isoformat()}
        record(work, caller, now, "state.revert", file.name, None, shown, why)
    with errors_as_conflicts():
        return revert_state(file, when)

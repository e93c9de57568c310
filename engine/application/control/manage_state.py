"""See, export and revert the stored state of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.control_pipeline import told
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control_ports import Store
from engine.application.use_cases.export_state import export_state
from engine.application.use_cases.inspect_state import StateReport, inspect_state
from engine.application.use_cases.revert_state import Reverted, revert_state


def see_state(caller: Caller, file: PipelineFile) -> StateReport:
    """Return what is stored of a pipeline, and what its next run would keep of it.

    Raises:
        ForbiddenError: the caller may not.
        ConflictError: it is damaged, or not ours alone.
    """
    require(caller, Action.RUN_PIPELINES, file.name)
    with told():
        return inspect_state(file)


def export_state_to(
    store: Store, caller: Caller, now: int, file: PipelineFile, archive: Path
) -> int:
    """Write the state of a pipeline that does not run into an archive; return its bytes.

    The audit record is stored first: nobody gets what the log does not know of.

    Raises:
        ForbiddenError: the caller may not.
        ConflictError: the pipeline runs, or there is no state.
    """
    require(caller, Action.MANAGE_STATE, file.name)
    with store.writing() as work:
        record(work, caller, now, "state.export", file.name)
    with told():
        return export_state(file, archive)


def revert_state_to(
    store: Store, caller: Caller, now: int, file: PipelineFile, when: datetime, why: str
) -> Sequence[Reverted]:
    """Go back to the newest checkpoint that was kept by a time.

    Raises:
        ForbiddenError: the caller may not.
        ConflictError: the pipeline runs, or nothing was kept by then.
    """
    require(caller, Action.MANAGE_STATE, file.name)
    with store.writing() as work:
        shown = {"to": when.isoformat()}
        record(work, caller, now, "state.revert", file.name, None, shown, why)
    with told():
        return revert_state(file, when)

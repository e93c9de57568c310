"""Say something to a pipeline while it runs, take it back, and see what is in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engine.application.config.pipeline_file import PipelineFile
from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.application.live_control.records import ControlRecord, Kind
from engine.application.live_control.records import now as on_the_wall
from engine.application.use_cases.control_log import add_record, records_in_force
from engine.domain.control.errors import ConflictError, NotFoundError, RequestError
from engine.domain.errors import FatalError

TUNING: tuple[Kind, ...] = ("rule", "budget")
"""Kinds that change what a pipeline alerts on for good."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is said to a pipeline.

    Attributes:
        kind: of control record.
        fields: of it, as the control log has them.
        why: for people who read it later.
    """

    kind: Kind
    fields: dict[str, Any]
    why: str = ""


def find_control(caller: Caller, file: PipelineFile, *, past: bool) -> Sequence[ControlRecord]:
    """Return what is in force, or with `past` all that was ever said.

    Raises:
        ForbiddenError: the caller may not.
        ConflictError: the log cannot be read.
    """
    require(caller, Action.READ, file.name)
    with told():
        return records_in_force(file, on_the_wall(), past=past)


def control_pipeline(
    work: UnitOfWork, caller: Caller, now: int, file: PipelineFile, said: Said
) -> ControlRecord:
    """Write a record to the control log of a pipeline, which may be running.

    Raises:
        ForbiddenError: the caller may not.
        ConflictError: it does not fit the pipeline, or the log cannot be written.
    """
    require_to_say(caller, said.kind, file.name)
    fields = said.fields
    if said.kind in ("silence", "pause"):
        # As on the command line: what is said of no time begins now.
        fields = {"from": on_the_wall().isoformat(), **fields}
    with told():
        made = add_record(file, said.kind, fields, said.why, caller.name)
    subject = f"{file.name}/{made.id}"
    record(work, caller, now, f"control.{said.kind}", subject, None, fields, said.why)
    return made


def revoke_control(
    work: UnitOfWork, caller: Caller, now: int, file: PipelineFile, own: str, why: str
) -> ControlRecord:
    """Take back what is in force.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: nothing of this id is in force.
        ConflictError: the log cannot be written.
    """
    require(caller, Action.CONTROL_PIPELINES, file.name)
    with told():
        standing = {one.id: one for one in records_in_force(file, None)}
    found = standing.get(own)
    if found is None:
        raise NotFoundError(f'"{own}" is not in force: {", ".join(standing) or "nothing is"}')
    require_to_say(caller, found.kind, file.name)
    with told():
        made = add_record(file, "revoke", {"id": own}, why, caller.name)
    record(work, caller, now, "control.revoke", f"{file.name}/{own}", None, {"id": own}, why)
    return made


def require_to_say(caller: Caller, kind: Kind, pipeline: str) -> None:
    """Let a caller write, or take back, a record of a kind for a pipeline.

    Raises:
        ForbiddenError: their role does not allow it.
    """
    action = Action.TUNE_PIPELINES if kind in TUNING else Action.CONTROL_PIPELINES
    require(caller, action, pipeline)


@contextmanager
def told() -> Iterator[None]:
    """Say what does not fit a pipeline as an error of the request."""
    try:
        yield
    except RequestError:
        raise
    except FatalError as error:
        raise ConflictError(str(error)) from None

"""Control a running pipeline: write control records, revoke them, list those in force."""

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
class ControlRequest:
    """A control record to be written.

    Attributes:
        kind: of control record.
        fields: its fields, as in the control log.
        why: the reason, for people who read it later.
    """

    kind: Kind
    fields: dict[str, Any]
    why: str = ""


def find_control(caller: Caller, file: PipelineFile, *, past: bool) -> Sequence[ControlRecord]:
    """Return the records in force, or with `past` all that were ever written.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: the log cannot be read.
    """
    require(caller, Action.READ, file.name)
    with errors_as_conflicts():
        return records_in_force(file, on_the_wall(), past=past)


def control_pipeline(
    work: UnitOfWork, caller: Caller, now: int, file: PipelineFile, request: ControlRequest
) -> ControlRecord:
    """Write a record to the control log of a pipeline, which may be running.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: it does not fit the pipeline, or the log cannot be written.
    """
    require_control(caller, request.kind, file.name)
    fields, at = request.fields, on_the_wall()
    if request.kind in ("silence", "pause"):
        # As on the command line, a record without a begin starts now.
        fields = {"from": at.isoformat(), **fields}
    with errors_as_conflicts():
        made = add_record(file, request.kind, fields, request.why, caller.name, at)
    subject = f"{file.name}/{made.id}"
    record(work, caller, now, f"control.{request.kind}", subject, None, fields, request.why)
    return made


def revoke_control(
    work: UnitOfWork, caller: Caller, now: int, file: PipelineFile, own: str, why: str
) -> ControlRecord:
    """Revoke a record that is in force.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: no record of this id is in force.
        ConflictError: the log cannot be written.
    """
    require(caller, Action.CONTROL_PIPELINES, file.name)
    with errors_as_conflicts():
        standing = {one.id: one for one in records_in_force(file, None)}
    found = standing.get(own)
    if found is None:
        raise NotFoundError(f'"{own}" is not in force: {", ".join(standing) or "nothing is"}')
    require_control(caller, found.kind, file.name)
    with errors_as_conflicts():
        made = add_record(file, "revoke", {"id": own}, why, caller.name)
    record(work, caller, now, "control.revoke", f"{file.name}/{own}", None, {"id": own}, why)
    return made


def require_control(caller: Caller, kind: Kind, pipeline: str) -> None:
    """Require that a caller may write, or revoke, a record of a kind for a pipeline.

    Raises:
        ForbiddenError: the role of the caller does not allow it.
    """
    action = Action.TUNE_PIPELINES if kind in TUNING else Action.CONTROL_PIPELINES
    require(caller, action, pipeline)


@contextmanager
def errors_as_conflicts() -> Iterator[None]:
    """Turn a record that does not fit the pipeline into an error of the request."""
    try:
        yield
    except RequestError:
        raise
    except FatalError as error:
        raise ConflictError(str(error)) from None

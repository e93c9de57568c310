"""Stores pipelines; every stored text stays as a version.

Texts hold no secrets: a file with a password in it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.application.control.caller import Caller
from engine.application.control.check_pipeline_text import FileIssue, UnfitPipelineError, parsed
from engine.application.control.permissions import Action, may_see, require, require_somewhere
from engine.application.control.recording import record
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import NotFoundError, StaleError
from engine.domain.control.pipeline_version import PipelineVersion, difference

RESERVED = frozenset({"validate"})
"""Reserved names, which are paths of the API."""


def find_pipelines(work: UnitOfWork, caller: Caller) -> list[PipelineVersion]:
    """Return the newest version of each pipeline, by name.

    Raises:
        ForbiddenError: the caller lacks permission.
    """
    require_somewhere(caller, Action.READ)
    return [one for one in work.pipelines.newest() if may_see(caller, one.name)]


def get_pipeline(
    work: UnitOfWork, caller: Caller, name: str, number: int | None = None
) -> PipelineVersion:
    """Return a version of a pipeline, the newest unless a number is given.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the pipeline or the version is unknown.
    """
    require(caller, Action.READ, name)
    return stored_pipeline(work, name, number)


def get_versions(work: UnitOfWork, caller: Caller, name: str) -> Sequence[PipelineVersion]:
    """Return all versions of a pipeline, the newest first.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the name is unknown.
    """
    get_pipeline(work, caller, name)
    return work.pipelines.versions(name)


def compare_versions(
    work: UnitOfWork, caller: Caller, name: str, before: int, after: int | None
) -> str:
    """Return the difference between two versions as a unified diff.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the version is unknown.
    """
    first = get_pipeline(work, caller, name, before)
    return difference(first, get_pipeline(work, caller, name, after))


def put_pipeline(
    work: UnitOfWork,
    caller: Caller,
    now: int,
    name: str,
    text: str,
    known: int | None,
    reason: str = "",
) -> PipelineVersion:
    """Store a text as the next version of a pipeline, unless the newest is equal.

    Args:
        work: the unit of work.
        caller: the user who stores it.
        now: ns since 1970.
        name: the name of the pipeline, also in the file.
        text: the text of the file.
        known: the number of the newest version that the caller has read; 0: a new pipeline;
            None: any.
        reason: the reason, for the audit log.

    Raises:
        ForbiddenError: the caller lacks permission.
        UnfitPipelineError: the file is not valid.
        StaleError: there is a newer version.
    """
    require(caller, Action.CHANGE_PIPELINES, name)
    file = parsed(text, name)
    if file.name != name:
        raise UnfitPipelineError((FileIssue(0, "/name", f'expected "{name}", as in the path'),))
    if name in RESERVED:
        taken = f'"{name}" is the path of a request: expected another name'
        raise UnfitPipelineError((FileIssue(0, "/name", taken),))
    before = work.pipelines.get(name, None)
    newest = 0 if before is None else before.number
    if known not in (None, newest):
        raise StaleError(f"version {newest} is the newest of the pipeline: read it again")
    if before is not None and before.text == text:
        return before
    made = PipelineVersion(name, newest + 1, text, caller.name, now, reason)
    work.pipelines.add(made)
    old = None if before is None else _shown(before)
    record(work, caller, now, "pipeline.put", name, old, _shown(made), reason)
    return made


def roll_back_pipeline(
    work: UnitOfWork,
    caller: Caller,
    now: int,
    name: str,
    number: int,
    known: int | None,
    reason: str = "",
) -> PipelineVersion:
    """Store the text of an earlier version as the newest one; its reason names that version.

    Raises:
        RequestError: as for `put_pipeline`, or the version is unknown.
    """
    require(caller, Action.CHANGE_PIPELINES, name)
    earlier = stored_pipeline(work, name, number)
    why = f"back to version {number}" + (f": {reason}" if reason else "")
    return put_pipeline(work, caller, now, name, earlier.text, known, why)


def remove_pipeline(
    work: UnitOfWork, caller: Caller, now: int, name: str, known: int | None
) -> None:
    """Remove a pipeline with all its versions; the audit log keeps their digests.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the name is unknown.
        StaleError: there is a newer version.
    """
    require(caller, Action.CHANGE_PIPELINES, name)
    newest = stored_pipeline(work, name)
    if known not in (None, newest.number):
        raise StaleError(f"version {newest.number} is the newest of the pipeline: read it again")
    work.pipelines.remove(name)
    record(work, caller, now, "pipeline.remove", name, _shown(newest), None)


def stored_pipeline(work: UnitOfWork, name: str, number: int | None = None) -> PipelineVersion:
    """Return a version of a pipeline, the newest unless a number is given.

    Raises:
        NotFoundError: the pipeline or the version is unknown.
    """
    found = work.pipelines.get(name, number)
    if found is None:
        which = "" if number is None else f"version {number} of "
        raise NotFoundError(f'{which}pipeline "{name}" is not stored')
    return found


def _shown(version: PipelineVersion) -> dict[str, object]:
    return {"version": version.number, "digest": version.digest}

"""Starts and stops pipelines, and returns their status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.application.control.caller import Caller
from engine.application.control.check_pipeline_text import parsed
from engine.application.control.manage_pipelines import stored_pipeline
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control.run_claims import Elsewhere, claim, claim_elsewhere, take_over
from engine.application.control.run_health import RunHealth, health_of
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import ConflictError, NotFoundError
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.run import Run


class Runner(Protocol):
    """Runs pipelines."""

    @property
    def server(self) -> str:
        """Id of the server, which it keeps."""
        ...

    def start(self, version: PipelineVersion) -> Run:
        """Run a version of a pipeline.

        Raises:
            ConflictError: the pipeline is running.
        """
        ...

    def get(self, name: str) -> Run | None:
        """Return the last run of a pipeline; None if there was none."""
        ...

    def stop(self, name: str, *, drain: bool) -> Run:
        """Ask the run of a pipeline to stop; draining takes a while.

        Raises:
            ConflictError: the pipeline is not running.
        """
        ...

    def log(self, name: str, lines: int) -> list[str]:
        """Return the last lines of the log of a pipeline's runs."""
        ...


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The status of a run.

    Attributes:
        run: the last run.
        health: its health; None if it does not run, or its pages cannot be read.
    """

    run: Run
    health: RunHealth | None


def start_pipeline(
    work: UnitOfWork, caller: Caller, now: int, runner: Runner, name: str, number: int | None
) -> Run:
    """Run a version of a stored pipeline, the newest unless a number is given.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the pipeline is not stored.
        ConflictError: the pipeline is running, here or by another server.
    """
    require(caller, Action.RUN_PIPELINES, name)
    version = stored_pipeline(work, name, number)
    shown = {"version": version.number, "digest": version.digest}
    # The audit log has one end: from here on no other server starts anything.
    record(work, caller, now, "pipeline.start", name, None, shown)
    claim(work, runner.server, name, now)
    return runner.start(version)


def stop_pipeline(
    work: UnitOfWork, caller: Caller, now: int, runner: Runner, name: str, *, drain: bool
) -> Run:
    """Stop a pipeline: at once, or after everything it has read is stored.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: the pipeline is not running.
    """
    require(caller, Action.RUN_PIPELINES, name)
    if other := _elsewhere(work, runner, name):
        raise ConflictError(other.message(now))
    record(work, caller, now, "pipeline.stop", name, None, {"drain": drain})
    return runner.stop(name, drain=drain)


def take_over_pipeline(
    work: UnitOfWork, caller: Caller, now: int, runner: Runner, name: str
) -> Elsewhere:
    """Take a pipeline from a server that is away; return the claim that it had.

    The pipeline may be started here then. The other server stops its run once it is back.

    Raises:
        ForbiddenError: the caller lacks permission.
        ConflictError: no other server has it, or that server is not away.
    """
    require(caller, Action.RUN_PIPELINES, name)
    found = take_over(work, runner.server, name, now)
    record(work, caller, now, "pipeline.take-over", name, {"server": found.server}, None)
    return found


def run_status(work: UnitOfWork, caller: Caller, now: int, runner: Runner, name: str) -> RunStatus:
    """Return the status of the last run of a pipeline.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the pipeline was never started here, or another server runs it.
    """
    require(caller, Action.READ, name)
    if other := _elsewhere(work, runner, name):
        raise NotFoundError(other.message(now))
    run = _started(runner, name)
    version = None if run.is_over else work.pipelines.get(name, run.number)
    health = None if version is None else health_of(parsed(version.text, name).metrics)
    return RunStatus(run, health)


def run_log(caller: Caller, runner: Runner, name: str, lines: int) -> list[str]:
    """Return the last lines of the log of a pipeline's runs.

    Raises:
        ForbiddenError: the caller lacks permission.
        NotFoundError: the pipeline was never started here.
    """
    require(caller, Action.RUN_PIPELINES, name)
    _started(runner, name)
    return runner.log(name, lines)


def _started(runner: Runner, name: str) -> Run:
    run = runner.get(name)
    if run is None:
        raise NotFoundError(
            f'pipeline "{name}" was never started by this server: it shows what it runs itself'
        )
    return run


def _elsewhere(work: UnitOfWork, runner: Runner, name: str) -> Elsewhere | None:
    """Return the claim of another server on a pipeline that does not run here."""
    run = runner.get(name)
    return claim_elsewhere(work, runner.server, name) if run is None or run.is_over else None


def require_ended(work: UnitOfWork, runner: Runner, name: str, now: int) -> None:
    """Require that a pipeline is not running.

    Raises:
        ConflictError: the pipeline is running, here or by another server.
    """
    if other := _elsewhere(work, runner, name):
        raise ConflictError(other.message(now))
    run = runner.get(name)
    if run is not None and not run.is_over:
        raise ConflictError("the pipeline runs: stop it first")

"""Start and stop pipelines, and see how they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.application.control.caller import Caller
from engine.application.control.check_pipeline_text import parsed
from engine.application.control.manage_pipelines import stored_pipeline
from engine.application.control.permissions import Action, require
from engine.application.control.recording import record
from engine.application.control.run_health import RunHealth, health_of
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import ConflictError, NotFoundError
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.run import Run


class Runner(Protocol):
    """Runs pipelines."""

    def start(self, version: PipelineVersion) -> Run:
        """Run a version of a pipeline.

        Raises:
            ConflictError: the pipeline runs.
        """
        ...

    def get(self, name: str) -> Run | None:
        """Return the last run of a pipeline; None where there was none."""
        ...

    def stop(self, name: str, *, drain: bool) -> Run:
        """Ask the run of a pipeline to end; it goes on for a while where it drains.

        Raises:
            ConflictError: it does not run.
        """
        ...

    def log(self, name: str, lines: int) -> list[str]:
        """Return the last lines of the log of a pipeline's runs."""
        ...


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How a run is.

    Attributes:
        run: the last one.
        health: what its pages say; None where it does not run, or has no page that can be read.
    """

    run: Run
    health: RunHealth | None


def start_pipeline(
    work: UnitOfWork, caller: Caller, now: int, runner: Runner, name: str, number: int | None
) -> Run:
    """Run a version of a stored pipeline, the newest unless a number is given.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: it is not stored.
        ConflictError: it runs.
    """
    require(caller, Action.RUN_PIPELINES, name)
    version = stored_pipeline(work, name, number)
    shown = {"version": version.number, "digest": version.digest}
    record(work, caller, now, "pipeline.start", name, None, shown)
    return runner.start(version)


def stop_pipeline(
    work: UnitOfWork, caller: Caller, now: int, runner: Runner, name: str, *, drain: bool
) -> Run:
    """Ask a pipeline to end: once what it has read is stored, or at once.

    Raises:
        ForbiddenError: the caller may not.
        ConflictError: it does not run.
    """
    require(caller, Action.RUN_PIPELINES, name)
    record(work, caller, now, "pipeline.stop", name, None, {"drain": drain})
    return runner.stop(name, drain=drain)


def run_status(work: UnitOfWork, caller: Caller, runner: Runner, name: str) -> RunStatus:
    """Return how the last run of a pipeline is.

    Raises:
        ForbiddenError: the caller may not.
        NotFoundError: it was never started here.
    """
    require(caller, Action.READ, name)
    run = runner.get(name)
    if run is None:
        raise NotFoundError(f'pipeline "{name}" was never started here')
    version = None if run.is_over else work.pipelines.get(name, run.number)
    health = None if version is None else health_of(parsed(version.text, name).metrics)
    return RunStatus(run, health)


def run_log(caller: Caller, runner: Runner, name: str, lines: int) -> list[str]:
    """Return the last lines of the log of a pipeline's runs.

    Raises:
        ForbiddenError: the caller may not.
    """
    require(caller, Action.RUN_PIPELINES, name)
    return runner.log(name, lines)


def require_ended(runner: Runner, name: str) -> None:
    """Let a pipeline be removed.

    Raises:
        ConflictError: it runs.
    """
    run = runner.get(name)
    if run is not None and not run.is_over:
        raise ConflictError("the pipeline runs: stop it first")

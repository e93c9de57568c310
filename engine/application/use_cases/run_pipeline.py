"""Run a pipeline in supervised processes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from engine.application.cluster.announcement import announce_state, warn
from engine.application.cluster.file_watch import FileWatch
from engine.application.cluster.metrics_server import check_ports
from engine.application.cluster.process import Program
from engine.application.cluster.reach import reach_sinks
from engine.application.cluster.signals import SupervisorSignals
from engine.application.cluster.status_line import StatusLine
from engine.application.cluster.supervised import RestartPolicy
from engine.application.cluster.supervisor import Supervisor
from engine.application.cluster.worker import WorkerConfig, work
from engine.application.config.load import parse, read_text
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.build import prepare
from engine.application.exit_code import ExitCode
from engine.application.state.contents import earlier_processes
from engine.application.state.lock import StateLock
from engine.application.telemetry.logs import (
    LogFormat,
    LogIdentity,
    LogLevel,
    configure_logging,
    is_live,
)
from engine.application.telemetry.redaction import Redactor
from engine.domain.errors import PynomalyError

logger = logging.getLogger("pynomaly.run")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a pipeline is run; what it does is in its file.

    Attributes:
        processes: how many share the partitions.
        max_restarts: restarts of a process before giving up.
        hang_seconds: without progress, after which a process is restarted.
        log_format: of log lines.
        log_level: least level that is written.
        reload: whether a changed pipeline file is run instead, as soon as it is valid.
    """

    processes: int = 1
    max_restarts: int = 5
    hang_seconds: float = 120.0
    log_format: LogFormat = "auto"
    log_level: LogLevel = "info"
    reload: bool = False

    @property
    def live(self) -> bool:
        """Whether a terminal shows what the run does."""
        return self.log_format != "json" and is_live(sys.stderr)


def run_pipeline(path: Path, options: RunOptions, redactor: Redactor | None = None) -> int:
    """Run a pipeline until its source ends, or a signal asks to stop.

    It takes over the process: its signals, its log lines, and the rights of files that it makes.

    Args:
        path: the pipeline file.
        options: how to run it.
        redactor: learns the secrets of the file, also when it is read again.

    Returns:
        The exit code: see `Supervisor.run`.

    Raises:
        PynomalyError: what trying again does not cure.
    """
    # Folders above the state as well: who may write there could put another in its place.
    os.umask(0o077)
    text = read_text(path)
    file = parse(text, path, os.environ, redactor)
    run_id = uuid4().hex
    identity = LogIdentity(file.name, "supervisor", run_id)
    configure_logging(options.log_format, identity, file.redactor, options.log_level)
    # Before the first line: who reads it may send a signal.
    signals = SupervisorSignals(logging.root.level)
    signals.install()
    run = Run(path, options, run_id, signals, file.redactor)
    return run_with_reloads(run, text, file) if options.reload else run.once(text, file).code


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the run of a pipeline file ended.

    Attributes:
        code: exit code; see `Supervisor.run`.
        came_up: whether a process stored a checkpoint, or waited for messages for a while.
        changed: the text that is to be run instead; None if the file did not change.
    """

    code: int
    came_up: bool
    changed: str | None


class Run:
    """Runs texts of a pipeline file, one after the other.

    Args:
        path: the pipeline file.
        options: how to run it.
        run_id: what the log lines of the run have in common.
        signals: what the run is asked for.
        redactor: learns the secrets of the texts.
    """

    def __init__(
        self,
        path: Path,
        options: RunOptions,
        run_id: str,
        signals: SupervisorSignals,
        redactor: Redactor,
    ) -> None:
        self._path = path
        self._options = options
        self._run_id = run_id
        self._redactor = redactor
        self.signals = signals

    def once(
        self, text: str, file: PipelineFile | None = None, refused: str | None = None
    ) -> Outcome:
        """Run a text until its source ends, a signal asks to stop, or the file has changed.

        Args:
            text: of the pipeline file.
            file: what it says; None reads the text.
            refused: a text that did not start, and is not a change.

        Raises:
            PynomalyError: what trying again does not cure.
        """
        options = self._options
        file = file or parse(text, self._path, os.environ, self._redactor)
        with nullcontext() if file.state.kafka else StateLock(file.state.directory):
            total = processes_of(file, options.processes)
            if file.metrics is not None:
                check_ports(file.metrics, total)
            announce_state(file, options.processes, total)
            warn(file)
            programs = Programs(self._path, text, file, options, self._run_id, self.signals)
            policy = RestartPolicy(max_restarts=options.max_restarts, hang=options.hang_seconds)
            status = StatusLine(sys.stderr) if options.live else None
            watch = FileWatch(self._path, text, refused, self._redactor) if options.reload else None
            supervisor = Supervisor(
                programs.make,
                total,
                policy,
                self.signals,
                status,
                watch.look if watch else lambda: False,
            )
            code = supervisor.run()
        return Outcome(code, supervisor.came_up, watch.changed if watch else None)


def processes_of(file: PipelineFile, processes: int) -> int:
    """Return how many processes a run has: as many again re-key messages, if that is asked."""
    return processes if file.event.repartition is None else 2 * processes


def run_with_reloads(run: Run, text: str, file: PipelineFile | None = None) -> int:
    """Run a pipeline file and what it is changed to; go back where that does not come up.

    Args:
        run: runs a text.
        text: of the pipeline file as it is now.
        file: what it says; None reads the text.

    Returns:
        The exit code of what ran last.

    Raises:
        PynomalyError: what trying again does not cure, of the first text.
    """
    outcome = run.once(text, file)
    while outcome.changed is not None and not run.signals.stop_requests:
        before, text = text, outcome.changed
        outcome = _try(run, text)
        if outcome.code and not outcome.came_up and not run.signals.stop_requests:
            logger.error(
                "the changed pipeline file did not start: rolled back to the previous one. Correct "
                "it and save it again"
            )
            refused, text = text, before
            outcome = run.once(text, refused=refused)
    return outcome.code


def _try(run: Run, text: str) -> Outcome:
    """Run a changed text; an error that ends it at once is logged, and does not end the run."""
    try:
        return run.once(text)
    except PynomalyError as error:
        logger.error("%s", error)
        return Outcome(ExitCode.FATAL, came_up=False, changed=None)


class Programs:
    """Makes what the processes of a run do; before the first one, what they have in common.

    Args:
        path: the pipeline file.
        text: of the file.
        file: its content.
        options: how it is run.
        run_id: what the log lines of the run have in common.
        signals: what the run was asked for.
    """

    def __init__(
        self,
        path: Path,
        text: str,
        file: PipelineFile,
        options: RunOptions,
        run_id: str,
        signals: SupervisorSignals,
    ) -> None:
        self._path = path
        self._text = text
        self._file = file
        self._options = options
        self._run_id = run_id
        self._signals = signals
        self._parent = os.getpid()
        local = file.state.kafka is None
        self._earlier = earlier_processes(file.state.directory) if local else 0
        self._prepared = False

    def make(self, process: int, restarts: Mapping[str, int]) -> Program:
        """Return what a process runs, given its restarts so far by their causes."""
        if not self._prepared:
            self._prepare()
        config = WorkerConfig(
            self._path,
            self._text,
            process,
            self._options.processes,
            self._earlier,
            dict(restarts),
            self._parent,
            self._options.log_format,
            self._options.log_level,
            self._run_id,
            self._options.live,
            repartitions=process >= self._options.processes,
        )
        return partial(work, config, self._file.redactor)

    def _prepare(self) -> None:
        """Reach the sinks, and compile: that takes seconds, in which a signal may ask to stop."""
        reach_sinks(self._file, lambda: self._signals.stop_requests > 0)
        with self._signals.preparing():
            # A signal that came before would end nothing by itself.
            if not self._signals.stop_requests:
                prepare(self._file)
        self._prepared = True

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

from engine.application.cluster.exposure import notices
from engine.application.cluster.process import Program
from engine.application.cluster.reach import reach_sinks
from engine.application.cluster.signals import SupervisorSignals
from engine.application.cluster.status_line import StatusLine
from engine.application.cluster.supervisor import RestartPolicy, Supervisor
from engine.application.cluster.worker import WorkerConfig, work
from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.build import prepare
from engine.application.ports import Settings
from engine.application.state.checkpoint_file import newest_manifests
from engine.application.state.contents import earlier_processes
from engine.application.state.identity import check_compatibility, identity_of, state_place
from engine.application.state.lock import StateLock, refuse_unusable
from engine.application.telemetry.logs import (
    LogFormat,
    LogIdentity,
    LogLevel,
    configure_logging,
    is_live,
)

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
    """

    processes: int = 1
    max_restarts: int = 5
    hang_seconds: float = 120.0
    log_format: LogFormat = "auto"
    log_level: LogLevel = "info"

    @property
    def live(self) -> bool:
        """Whether a terminal shows what the run does."""
        return self.log_format != "json" and is_live(sys.stderr)


def run_pipeline(path: Path, options: RunOptions) -> int:
    """Run a pipeline until its source ends, or a signal asks to stop.

    It takes over the process: its signals, its log lines, and the rights of files that it makes.

    Args:
        path: the pipeline file; processes that are restarted read it anew.
        options: how to run it.

    Returns:
        The exit code: see `Supervisor.run`.

    Raises:
        PynomalyError: what trying again does not cure.
    """
    # Folders above the state as well: who may write there could put another in its place.
    os.umask(0o077)
    file = load(path)
    run_id = uuid4().hex
    configure_logging(
        options.log_format, LogIdentity(file.name, "supervisor", run_id), options.log_level
    )
    # Before the first line: who reads it may send a signal.
    signals = SupervisorSignals(logging.root.level)
    signals.install()
    with nullcontext() if file.state.kafka else StateLock(file.state.directory):
        _take_up_state(file, options)
        _warn(file)
        programs = Programs(path, file, options, run_id, signals)
        policy = RestartPolicy(max_restarts=options.max_restarts, hang=options.hang_seconds)
        status = StatusLine(sys.stderr) if options.live else None
        return Supervisor(programs.make, options.processes, policy, signals, status).run()


class Programs:
    """Makes what the processes of a run do; before the first one, what they have in common.

    Args:
        path: the pipeline file.
        file: its content.
        options: how it is run.
        run_id: what the log lines of the run have in common.
        signals: what the run was asked for.
    """

    def __init__(
        self,
        path: Path,
        file: PipelineFile,
        options: RunOptions,
        run_id: str,
        signals: SupervisorSignals,
    ) -> None:
        self._path = path
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
            process,
            self._options.processes,
            self._earlier,
            dict(restarts),
            self._parent,
            self._options.log_format,
            self._options.log_level,
            self._run_id,
            self._options.live,
        )
        return partial(work, config)

    def _prepare(self) -> None:
        """Reach the sinks, and compile: that takes seconds, in which a signal may ask to stop."""
        reach_sinks(self._file, lambda: self._signals.stop_requests > 0)
        if not self._signals.stop_requests:
            prepare(self._file)
        self._prepared = True


def _take_up_state(file: PipelineFile, options: RunOptions) -> None:
    """Say what becomes of stored state, or refuse it."""
    if file.state.kafka:
        _announce(file, options.processes, resumed=False)
        return
    directory, now = file.state.directory, identity_of(file)
    refuse_unusable(directory)
    tasks = newest_manifests(directory)
    _announce(file, options.processes, resumed=bool(tasks))
    found = [check_compatibility(str(directory), now, task.identity) for task in tasks.values()]
    for change in dict.fromkeys(change for changes in found for change in changes):
        logger.warning("state: %s", change)


def _announce(file: PipelineFile, processes: int, *, resumed: bool) -> None:
    sinks = ", ".join(f"{sink.name}: {sink.choice.kind}" for sink in file.sinks.chosen())
    logger.info(
        "%s %s: %s to %s, %d process(es), state in %s",
        "resuming" if resumed else "starting",
        file.name,
        file.source.kind,
        sinks,
        processes,
        state_place(file),
    )
    promise = file.alert_promise()
    logger.info("alerts: %s", "; ".join(filter(None, [promise.known(), promise.unknown_yet()])))
    if caveat := promise.caveat():
        logger.warning("alerts: %s", caveat)
    if file.metrics is not None:
        host, port = file.metrics.host, file.metrics.port
        last = f" to {port + processes - 1}" if processes > 1 else ""
        scheme = "http" if file.metrics.tls is None else "https"
        logger.info("metrics: %s://%s:%d/metrics%s", scheme, host, port, last)


def _warn(file: PipelineFile) -> None:
    if file.state.key_groups is not None:
        logger.warning("state.key_groups is not used any more: take it out of the file")
    for notice in notices(file.metrics, _callers(file)):
        logger.log(notice.level, "%s", notice.text)


def _callers(file: PipelineFile) -> list[tuple[str, Settings | None]]:
    """Return the settings of what calls out, with their places in the pipeline file."""
    sinks = [
        (f"sinks.{sink.place}.{sink.choice.kind}", sink.choice.settings)
        for sink in file.sinks.chosen()
    ]
    source = (f"source.{file.source.kind}", file.source.settings)
    return [source, *sinks, ("tracing", file.tracing)]

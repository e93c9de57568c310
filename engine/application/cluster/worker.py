"""The worker: one process of a run, started by a fork of the supervisor.

Exit codes: 0 the source ended, or was drained after a signal; 2 a fatal error (the last log line
says which); 1 a crash (its traceback is in the log).
"""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from engine.application.cluster.entities_page import entities_page
from engine.application.cluster.garbage import collect_rarely
from engine.application.cluster.health import Health
from engine.application.cluster.metrics_server import serve
from engine.application.cluster.signals import install_in_worker
from engine.application.config.load import parse
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.build import Flow, Origin, build
from engine.application.dataflow.context import context_of
from engine.application.dataflow.live_tasks import LiveTasks
from engine.application.dataflow.repartition import build_repartition
from engine.application.exit_code import ExitCode
from engine.application.ports import RunContext, StateStorePlugin
from engine.application.state.directory import DirectoryStore
from engine.application.state.encrypted import EncryptedStore, cipher_of
from engine.application.state.identity import compatibility_check, identity_of, state_place
from engine.application.state.store import StateStore
from engine.application.telemetry.exposition import exposed_registry
from engine.application.telemetry.heartbeat import Heartbeat
from engine.application.telemetry.live_counts import start_reports
from engine.application.telemetry.logs import LogFormat, LogIdentity, LogLevel, configure_logging
from engine.application.telemetry.progress import ProgressLog
from engine.application.telemetry.redaction import Redactor
from engine.domain.errors import PynomalyError, RetryableError, Shutdown, TasksLostError

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
WEB_SERVER = "BYTEWAX_DATAFLOW_API_ENABLED"
"""Environment variable that makes Bytewax start its web server, whatever its value."""

logger = logging.getLogger("pynomaly.worker")


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """The task of a process.

    Attributes:
        file: the pipeline file.
        text: its text, as it was when the run began: a file that is being edited never gets into
            a process that is restarted. Its variables and secrets are read again.
        process: number of the process.
        processes: number of processes of this run.
        earlier_processes: number of processes of the run before.
        restarts: number of restarts of this process so far, by cause.
        parent: process id of the supervisor; the process ends with it.
        log_format, log_level: format and level of its log lines.
        run: id of the run, in all its log lines.
        live: whether a status line shows what it does.
        repartitions: whether it re-keys messages, instead of detecting.
    """

    file: Path
    text: str
    process: int
    processes: int
    earlier_processes: int
    restarts: Mapping[str, int]
    parent: int
    log_format: LogFormat
    log_level: LogLevel
    run: str
    live: bool = False
    repartitions: bool = False


def work(config: WorkerConfig, redactor: Redactor, heartbeat: int) -> int:
    """Run until the source ends or a signal asks to drain.

    Args:
        config: what to do.
        redactor: learns the secrets of the file, which is read again.
        heartbeat: descriptor that the supervisor reads our status from.

    Returns:
        The exit code.
    """
    _die_with_parent(config)
    # The supervisor asks a process that hangs for its stack.
    faulthandler.enable()
    # State and dead letters contain data of events: only their user may read them.
    os.umask(0o077)
    try:
        file = parse(config.text, config.file, os.environ, redactor)
    except PynomalyError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no pipeline yet to log for
        return ExitCode.FATAL
    identity = LogIdentity(file.name, str(config.process), config.run)
    configure_logging(config.log_format, identity, redactor, config.log_level)
    outages: dict[str, str] = {}
    context = context_of(
        file,
        process=config.process,
        processes=config.processes,
        earlier_processes=config.earlier_processes,
        heartbeat=Heartbeat(heartbeat, outages),
        outages=outages,
        run=config.run[:8],
    )
    install_in_worker(context.draining, logging.root.level)
    try:
        return _run(file, context, config)
    except Exception as error:  # noqa: BLE001 - whatever it was, its traceback must be seen
        code, why = _explain(error)
        # The supervisor logs it, with what it does about it.
        if why and not context.heartbeat.failed(why):
            logger.error("%s", why)
        return code


def _run(file: PipelineFile, context: RunContext, config: WorkerConfig) -> int:
    telemetry = context.telemetry
    for cause, count in config.restarts.items():
        telemetry.restarts.labels(cause).inc(count)
    telemetry.info.labels(file.name, file.version, str(context.process)).set(1)
    live = LiveTasks()
    _serve_metrics(file, context, None if config.repartitions else live)
    detection = partial(_detection, file, context, live)
    flow = build_repartition(file, context) if config.repartitions else detection()
    # Bytewax's own backtrace would hide the traceback of the error.
    os.environ["RUST_BACKTRACE"] = "0"
    _disable_web_server()
    collect_rarely()
    if config.repartitions:
        flow.run()
        flow.finish()
        return 0
    if config.live:
        start_reports(telemetry, context.heartbeat)
    progress = ProgressLog(telemetry, file.alert_promise())
    flow.run()
    flow.finish()
    progress.end("drained" if context.draining.is_set() else "the source has ended")
    return 0


def _detection(file: PipelineFile, context: RunContext, live: LiveTasks) -> Flow:
    identity = identity_of(file)
    origin = Origin(identity, compatibility_check(state_place(file), identity))
    # Before the source and the sinks: what they write may be in its transaction.
    store = EncryptedStore(_open_store(file, context), cipher_of(file))
    by_group = file.state.kafka is not None
    return build(file, context, store, origin, by_group=by_group, live=live)


def _open_store(file: PipelineFile, context: RunContext) -> StateStore:
    if file.state.kafka is None:
        state, place = file.state, (context.process, context.heartbeat)
        every = state.keep_every
        return DirectoryStore(state.directory, *place, keep=state.keep, keep_every=every)
    plugin = cast("StateStorePlugin", file.state.kafka.plugin(file.state.kafka.settings, context))
    return cast("StateStore", plugin.store())


def _serve_metrics(file: PipelineFile, context: RunContext, live: LiveTasks | None) -> None:
    if file.metrics is None:
        return
    metrics = exposed_registry(context.telemetry, file.name, context.process)
    entities = None if live is None else entities_page(live, file)
    serve(file.metrics, context.process, metrics, Health(context), context.redactor, entities)


def _disable_web_server() -> None:
    """Bytewax's own server listens on every interface (0.0.0.0 is in its code): never start it."""
    if os.environ.pop(WEB_SERVER, None) is not None:
        logger.warning(
            "%s is ignored: Bytewax's web server would listen on every interface, without a "
            "password, and this cannot be changed; the metrics page is ours (metrics.port)",
            WEB_SERVER,
        )


def _die_with_parent(config: WorkerConfig) -> None:
    """Ask the kernel to end this process when its supervisor is killed; give it a name."""
    if not sys.platform.startswith("linux"):
        return
    kernel = ctypes.CDLL(None)
    kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # A fork has the command line of the supervisor: `ps -o comm` shows which process it is.
    kernel.prctl(PR_SET_NAME, b"pynomaly-%d" % config.process)
    if os.getppid() != config.parent:
        os._exit(ExitCode.CRASHED)


def _explain(error: BaseException) -> tuple[int, str]:
    """Log an error that we do not know; return the exit code, and one line for the supervisor."""
    known = next((link for link in _chain(error) if isinstance(link, PynomalyError)), None)
    if known is None:
        cause = list(_chain(error))[-1]
        first_line = str(cause).partition("\n")[0]
        logger.error("crashed", exc_info=error)
        return ExitCode.CRASHED, f"{type(cause).__name__}: {first_line}"
    if isinstance(known, Shutdown):
        logger.info("%s", known)
        return ExitCode.DONE, ""
    if isinstance(known, TasksLostError):
        return ExitCode.LOST, str(known)
    return (ExitCode.CRASHED if isinstance(known, RetryableError) else ExitCode.FATAL), str(known)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it: Bytewax wraps what its steps raise."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)

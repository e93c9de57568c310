"""`pynomaly run`: a pipeline in supervised processes."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from engine.application.cluster.exposure import notices
from engine.application.cluster.process import Program
from engine.application.cluster.reach import reach_sinks
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
from engine.application.telemetry.logs import LogFormat, LogIdentity, LogLevel, configure_logging

logger = logging.getLogger("pynomaly.run")


def run(
    file: Annotated[Path, typer.Argument(help="The pipeline file.")],
    processes: Annotated[int, typer.Option(help="Processes that share the partitions.", min=1)] = 1,
    max_restarts: Annotated[
        int, typer.Option(help="Restarts of a process before giving up.", min=0)
    ] = 5,
    hang_after: Annotated[
        float, typer.Option(help="Seconds without progress after which a process is restarted.")
    ] = 120.0,
    log_format: Annotated[LogFormat, typer.Option(help="Text on a terminal, else JSON.")] = "auto",
    log_level: Annotated[
        LogLevel, typer.Option(help="Lowest to be written. SIGUSR1: debug; SIGUSR2: as before.")
    ] = "info",
) -> None:
    """Run a pipeline until it is stopped; SIGTERM, SIGHUP and Ctrl-C drain it, losing nothing.

    Exit codes: 0 ended or drained; 1 gave up after too many restarts, or a drain took too long;
    2 something that trying again does not cure, said in the last log line.
    """
    # Folders above the state as well: who may write there could put another in its place.
    os.umask(0o077)
    found = load(file)
    own_id = uuid4().hex
    configure_logging(log_format, LogIdentity(found.name, "supervisor", own_id), log_level)
    parent = os.getpid()

    earlier = 0
    prepared = False

    def program(process: int, restarts: Mapping[str, int]) -> Program:
        nonlocal prepared
        if not prepared:
            # Here and not before: these take seconds, in which a signal may ask to stop.
            reach_sinks(found, lambda: supervisor.asked)
            if not supervisor.asked:
                prepare(found)
            prepared = True
        task = WorkerConfig(
            file,
            process,
            processes,
            earlier,
            dict(restarts),
            parent,
            log_format,
            log_level,
            own_id,
        )
        return partial(work, task)

    # Before the first line: who reads it may send a signal.
    policy = RestartPolicy(max_restarts=max_restarts, hang=hang_after)
    supervisor = Supervisor(program, processes, policy)
    with nullcontext() if found.state.kafka else StateLock(found.state.directory):
        if found.state.kafka:
            _announce(found, processes, resumed=False)
        else:
            refuse_unusable(found.state.directory)
            earlier = earlier_processes(found.state.directory)
            _take_up(found, processes)
        if found.state.key_groups is not None:
            logger.warning("state.key_groups is not used any more: take it out of the file")
        for notice in notices(found.metrics, _callers(found)):
            logger.log(notice.level, "%s", notice.text)
        raise typer.Exit(supervisor.run())


def _callers(file: PipelineFile) -> list[tuple[str, Settings | None]]:
    """Return the settings of what calls out, with their places in the pipeline file."""
    sinks = [
        (f"sinks.{sink.place}.{sink.choice.kind}", sink.choice.settings)
        for sink in file.sinks.chosen()
    ]
    source = (f"source.{file.source.kind}", file.source.settings)
    return [source, *sinks, ("tracing", file.tracing)]


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


def _take_up(file: PipelineFile, processes: int) -> None:
    """Say what becomes of stored state, or refuse it."""
    directory, now = file.state.directory, identity_of(file)
    tasks = newest_manifests(directory)
    _announce(file, processes, resumed=bool(tasks))
    told = [check_compatibility(str(directory), now, task.identity) for task in tasks.values()]
    for change in dict.fromkeys(change for some in told for change in some):
        logger.warning("state: %s", change)

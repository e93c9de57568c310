"""`pynomaly run`: a pipeline as one cluster of processes, supervised."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from engine.application.cluster.exposure import notices
from engine.application.cluster.process import Program
from engine.application.cluster.supervisor import RestartPolicy, Supervisor
from engine.application.cluster.worker import WorkerConfig, work
from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.build import prepare
from engine.application.state.abandoned import forget_abandoned
from engine.application.state.contents import read_contents, remove_orphans
from engine.application.state.manifest import check_compatibility, manifest_of, write_manifest
from engine.application.state.recovery import StateLock, open_store
from engine.application.telemetry.logs import LogFormat, LogIdentity, LogLevel, configure_logging

logger = logging.getLogger("pynomaly.run")


def run(
    file: Annotated[Path, typer.Argument(help="The pipeline file.")],
    processes: Annotated[int, typer.Option(help="Processes of the cluster.", min=1)] = 1,
    addresses: Annotated[
        str, typer.Option(help="host:port of every process, by ';'; default: free loopback ports.")
    ] = "",
    max_restarts: Annotated[int, typer.Option(help="Restarts before giving up.", min=0)] = 5,
    hang_after: Annotated[
        float, typer.Option(help="Seconds without progress after which a process is restarted.")
    ] = 120.0,
    log_format: Annotated[LogFormat, typer.Option(help="Text on a terminal, else JSON.")] = "auto",
    log_level: Annotated[
        LogLevel, typer.Option(help="Lowest to be written. SIGUSR1: debug; SIGUSR2: as before.")
    ] = "info",
) -> None:
    """Run a pipeline until it is stopped; SIGTERM and Ctrl-C drain it, losing nothing.

    Exit codes: 0 ended or drained; 1 gave up after too many restarts, or a drain took too long;
    2 something that trying again does not cure, said in the last log line.
    """
    # Folders above the state as well: who may write there could put another in its place.
    os.umask(0o077)
    found = load(file)
    own_id = uuid4().hex
    configure_logging(log_format, LogIdentity(found.name, "supervisor", own_id), log_level)
    parent = os.getpid()

    def programs(restarts: Mapping[str, int]) -> list[Program]:
        # Here and not before: compiling takes seconds, in which a signal may ask to stop.
        prepare(found)
        if forgotten := forget_abandoned(found.state.directory):
            logger.info("state: %d snapshots of unfinished epochs are forgotten", forgotten)
        peers = addresses.split(";") if addresses else _free_addresses(processes)
        tasks = [
            WorkerConfig(file, process, peers, restarts, parent, log_format, log_level, own_id)
            for process in range(processes)
        ]
        return [partial(work, task) for task in tasks]

    # Before the first line: who reads it may send a signal.
    supervisor = Supervisor(programs, RestartPolicy(max_restarts=max_restarts, hang=hang_after))
    with StateLock(found.state.directory):
        _announce(found, processes)
        _take_up(found)
        for notice in notices(addresses, found.metrics):
            logger.log(notice.level, "%s", notice.text)
        raise typer.Exit(supervisor.run())


def _announce(file: PipelineFile, processes: int) -> None:
    _, resumed = open_store(file.state.directory)
    sinks = ", ".join(f"{role}: {choice.kind}" for role, choice in file.sinks if choice is not None)
    logger.info(
        "%s %s: %s to %s, %d process(es), state in %s",
        "resuming" if resumed else "starting",
        file.name,
        file.source.kind,
        sinks,
        processes,
        file.state.directory,
    )
    if file.metrics is not None:
        host, port = file.metrics.host, file.metrics.port
        last = f" to {port + processes - 1}" if processes > 1 else ""
        scheme = "http" if file.metrics.tls is None else "https"
        logger.info("metrics: %s://%s:%d/metrics%s", scheme, host, port, last)


def _take_up(file: PipelineFile) -> None:
    """Say what becomes of stored state, and put the manifest of this run beside it."""
    directory, now = file.state.directory, manifest_of(file)
    if read_contents(directory).states:
        for change in check_compatibility(directory, now):
            logger.warning("state: %s", change)
    remove_orphans(directory)
    write_manifest(directory, now)


def _free_addresses(processes: int) -> list[str]:
    """Return loopback addresses: the cluster's ports take pickles from whoever connects."""
    sockets = [socket.socket() for _ in range(processes)] if processes > 1 else []
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    finally:
        for each in sockets:
            each.close()

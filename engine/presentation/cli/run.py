"""`pynomaly run`: a pipeline as one cluster of processes, supervised."""

from __future__ import annotations

import logging
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.application.logs import LogFormat, set_up_logs
from engine.application.recovery import StateLock, open_store
from engine.application.spec.load import load
from engine.application.spec.pipeline_file import PipelineFile
from engine.application.supervisor import Patience, Supervisor

logger = logging.getLogger("pynomaly.run")


def run(
    file: Annotated[Path, typer.Argument(help="The pipeline file.")],
    processes: Annotated[int, typer.Option(help="Processes of the cluster.", min=1)] = 1,
    addresses: Annotated[
        str, typer.Option(help="host:port of every process, by ';'; default: free loopback ports.")
    ] = "",
    max_restarts: Annotated[int, typer.Option(help="Restarts before giving up.", min=0)] = 5,
    log_format: Annotated[LogFormat, typer.Option(help="Text on a terminal, else JSON.")] = "auto",
) -> None:
    """Run a pipeline until it is stopped; SIGTERM and Ctrl-C drain it, losing nothing.

    Exit codes: 0 ended or drained; 1 gave up after too many restarts, or a drain took too long;
    2 something that trying again does not cure, said in the last log line.
    """
    found = load(file)
    set_up_logs(log_format, found.name, "supervisor")
    with StateLock(found.state.directory):
        _announce(found, processes)

        def commands(restarts: int) -> list[list[str]]:
            peers = addresses or (_free_addresses(processes) if processes > 1 else "")
            return [
                _worker(file, process, peers, restarts, log_format) for process in range(processes)
            ]

        raise typer.Exit(Supervisor(commands, Patience(max_restarts=max_restarts)).run())


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
        logger.info("metrics: http://%s:%d/metrics%s", host, port, last)


def _worker(
    file: Path, process: int, addresses: str, restarts: int, log_format: LogFormat
) -> list[str]:
    options = {
        "--process": process,
        "--addresses": addresses,
        "--restarts": restarts,
        "--parent": os.getpid(),
        "--log-format": log_format,
    }
    words = [str(word) for option in options.items() for word in option]
    return [sys.executable, "-m", "engine.application.worker", str(file), *words]


def _free_addresses(count: int) -> str:
    """Return loopback addresses: the cluster's ports take pickles from whoever connects."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return ";".join(f"127.0.0.1:{each.getsockname()[1]}" for each in sockets)
    finally:
        for each in sockets:
            each.close()

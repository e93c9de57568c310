"""`pynomaly run`: a pipeline in supervised processes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.application.telemetry.logs import LogFormat, LogLevel
from engine.application.use_cases.run_pipeline import RunOptions, run_pipeline
from engine.presentation.cli.output import current_redactor


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
        LogLevel, typer.Option(help="Lowest level written. SIGUSR1: debug; SIGUSR2: back to this.")
    ] = "info",
    reload: Annotated[
        bool,
        typer.Option(
            "--reload", help="Restart with a changed file as soon as it is valid; see docs."
        ),
    ] = False,
) -> None:
    """Run a pipeline until it is stopped. SIGTERM, SIGHUP and Ctrl-C drain it without loss.

    Exit codes: 0 ended or drained; 1 gave up after too many restarts, or a drain took too long;
    2 an error that a retry does not cure; the last log line says which.
    """
    options = RunOptions(processes, max_restarts, hang_after, log_format, log_level, reload)
    raise typer.Exit(run_pipeline(file, options, current_redactor()))

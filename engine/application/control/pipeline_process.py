"""The process of a pipeline that a server runs."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from engine.application.control.check_pipeline_text import environment_of_pipelines
from engine.application.telemetry.correlation import variables_of_correlation


def start_pipeline(command: Sequence[str], file: Path, log: int) -> subprocess.Popen[bytes]:
    """Start a pipeline.

    Args:
        command: the command that runs pipeline files.
        file: the pipeline file.
        log: the descriptor of the log file.
    """
    return subprocess.Popen(
        [*command, str(file)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**environment_of_pipelines(), **variables_of_correlation()},
        # It must not receive the signals of the server's terminal.
        start_new_session=True,
    )

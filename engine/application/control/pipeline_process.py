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
        command: that runs pipeline files.
        file: the pipeline file.
        log: descriptor of the file that it writes to.
    """
    return subprocess.Popen(
        [*command, str(file)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**environment_of_pipelines(), **variables_of_correlation()},
        # Signals of the server's terminal are not for it.
        start_new_session=True,
    )

"""Remove the state of a pipeline."""

from __future__ import annotations

import shutil

from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.lock import LOCK, StateLock
from engine.application.use_cases.local_state import state_directory


def reset_state(file: PipelineFile) -> None:
    """Remove the state of a pipeline that is not running; dead letters beside it are kept.

    Args:
        file: the pipeline file.

    Raises:
        PynomalyError: the pipeline is running, or its state lies in Kafka.
    """
    directory = state_directory(file)
    with StateLock(directory):
        for path in directory.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK and path.suffix != ".ndjson":
                path.unlink()

"""Remove the state of a pipeline."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.lock import LOCK, StateLock
from engine.application.use_cases.stored_state import stored_state


def reset_state(file: PipelineFile) -> None:
    """Remove the state of a pipeline that is not running; dead letters beside it are kept.

    Args:
        file: the pipeline file.

    Raises:
        PynomalyError: the pipeline is running.
    """
    if file.state.kafka is not None:
        with stored_state(file, file.state.kafka) as stored:
            stored.clear()
    else:
        _empty(file.state.directory)


def _empty(directory: Path) -> None:
    with StateLock(directory):
        for path in directory.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK and path.suffix != ".ndjson":
                path.unlink()

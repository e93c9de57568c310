"""The pipeline file that a command is given."""

from __future__ import annotations

from pathlib import Path

from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.presentation.cli.output import current_redactor


def open_pipeline(path: Path) -> PipelineFile:
    """Load a pipeline file, and show nothing of its secrets from now on.

    Raises:
        PipelineFileError: it cannot be used.
    """
    return load(path, redactor=current_redactor())

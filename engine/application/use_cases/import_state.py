"""Restore the state of a pipeline from an archive."""

from __future__ import annotations

from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.archive import read_archive
from engine.application.state.carrying import import_stored
from engine.application.state.lock import StateLock
from engine.application.use_cases.stored_state import stored_state


def import_state(file: PipelineFile, archive: Path) -> int:
    """Restore the state from an archive; there must be no state yet.

    Args:
        file: the pipeline file.
        archive: path of the archive.

    Returns:
        The size of the state in bytes.

    Raises:
        PynomalyError: the pipeline is running, it has state already, or the archive is damaged.
    """
    if file.state.kafka is not None:
        with stored_state(file, file.state.kafka) as stored:
            return import_stored(archive, stored)
    directory = file.state.directory
    with StateLock(directory):
        return read_archive(archive, directory)

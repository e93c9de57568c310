"""Write the state of a pipeline into an archive."""

from __future__ import annotations

from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.archive import write_archive
from engine.application.state.carrying import export_stored
from engine.application.state.lock import StateLock, require_usable
from engine.application.use_cases.stored_state import stored_state


def export_state(file: PipelineFile, archive: Path) -> int:
    """Write the state of a pipeline that is not running into a new archive.

    Args:
        file: the pipeline file.
        archive: path of the archive.

    Returns:
        Its size in bytes.

    Raises:
        PynomalyError: the pipeline is running, there is no state, or the archive exists already.
    """
    if file.state.kafka is not None:
        with stored_state(file, file.state.kafka) as stored:
            return export_stored(stored, archive)
    directory = file.state.directory
    with StateLock(directory):
        require_usable(directory)
        return write_archive(directory, archive)

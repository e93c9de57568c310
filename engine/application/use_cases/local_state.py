"""The state directory of a pipeline, for what looks at it or changes it."""

from __future__ import annotations

from pathlib import Path

from engine.application.config.pipeline_file import PipelineFile
from engine.application.state.identity import state_place
from engine.domain.errors import FatalError


def state_directory(file: PipelineFile) -> Path:
    """Return the directory that a pipeline's state lies in.

    Raises:
        FatalError: it lies in Kafka.
    """
    if file.state.kafka is not None:
        raise FatalError(
            f"the state lies in {state_place(file)}, and these commands are for directories. It is "
            "carried by carrying the topic. To start anew, stop all instances, delete the topic "
            "and set back the offsets of the source's group (kafka-consumer-groups --reset-offsets)"
        )
    return file.state.directory
